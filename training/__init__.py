"""From raw logs to a policy worth serving."""
