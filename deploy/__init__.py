"""Development servers on this machine, without containers: Kafka, stores and a Flink cluster."""
