"""Runnable pipelines, their options and their summaries."""
