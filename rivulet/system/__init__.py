"""This machine: cached downloads, programs, ports and processes."""
