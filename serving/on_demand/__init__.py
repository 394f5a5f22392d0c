"""Lists by request: ranked now from a history, or completed with popular items."""
