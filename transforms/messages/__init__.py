"""Messages: the batches of columns that packages exchange. Any package may import them."""
