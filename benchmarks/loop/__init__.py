"""Rounds of log, train and deploy in the simulated world that answers."""
