"""The loop: retrain, estimate, promote or say why not. Each decision is a line of a file."""
