"""HTTP: connections, limits, authentication, error responses and static files."""
