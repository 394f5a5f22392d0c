"""On-demand inference: model manager and request batching."""
