"""Policies, their model directories and the handler that RunInference calls."""
