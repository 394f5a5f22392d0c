"""Each user's recent history in keyed state, and who is due for a recommendation."""
