"""Kafka and the stores, a module each."""
