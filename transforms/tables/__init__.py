"""Tables of users as state that costs what changes: a base in cells, and a log of changes."""
