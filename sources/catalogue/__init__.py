"""The shop's catalogue (`--items`): a file that changes, or a compacted topic."""
