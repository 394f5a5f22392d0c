"""Where events come from: files and Kafka."""
