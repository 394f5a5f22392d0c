"""Trains policies: data sets from raw logs, embeddings, algorithms, offline evaluation."""
