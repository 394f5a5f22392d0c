"""What state costs as the number of known users grows."""
