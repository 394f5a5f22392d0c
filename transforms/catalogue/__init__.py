"""The shop's catalogue: which items are available when."""
