"""The Kafka source: a splittable DoFn with a restriction per partition."""
