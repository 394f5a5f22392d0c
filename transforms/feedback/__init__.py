"""Feedback: what users did with their recommendations, and the rewards for it."""
