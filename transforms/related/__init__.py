"""Items that users looked at or bought together: pairs in the stream, counted in windows."""
