"""Kafka values whose schema is in a schema registry."""
