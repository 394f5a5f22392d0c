"""Real servers on this machine, without containers."""
