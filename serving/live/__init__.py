"""The page's live figures, sent as server-sent events."""
