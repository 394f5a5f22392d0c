"""The training loop: epochs, validation, checkpoints, logs."""
