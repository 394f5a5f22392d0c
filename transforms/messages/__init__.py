"""Messages: the batches of columns that packages exchange. All packages may import them."""
