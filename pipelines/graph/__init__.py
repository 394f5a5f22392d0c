"""The graph of the jobs, and its parts for pipelines of one's own."""
