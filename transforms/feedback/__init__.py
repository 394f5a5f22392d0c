"""What users did with what was recommended to them."""
