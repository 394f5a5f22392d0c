"""One file for each kind of server."""
