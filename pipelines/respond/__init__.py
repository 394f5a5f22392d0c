"""Simulated users that see the lists of a store or of the API (`pipelines.simulate --respond`)."""
