"""The networks of the policies: state encoder, heads, item vectors, repeat scores."""
