"""HTTP: the server, security, replies and errors."""
