"""The pipeline's graph: its branches and how they are put together."""
