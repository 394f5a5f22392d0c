"""The k best items by inner product: exact search over the item vectors."""
