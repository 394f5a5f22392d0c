"""The SQL store: any database that SQLAlchemy supports and that has an upsert."""
