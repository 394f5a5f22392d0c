"""Users to forget, in a file that grows or in a topic."""
