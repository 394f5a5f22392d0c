"""From bytes to columns of events, and what is wrong with a line."""
