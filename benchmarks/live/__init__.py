"""The loop once through Kafka, Flink, Redis, the API and training.loop (`make loop`)."""
