"""Model directories, their versions, and which model ranks for whom."""
