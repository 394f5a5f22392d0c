"""Histories of users: each shard's state, and the ranking requests that it emits."""
