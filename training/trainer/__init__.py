"""The trainer: its options, the training loop, validation, checkpoints, logs."""
