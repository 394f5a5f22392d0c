"""SQL stores: any database that SQLAlchemy speaks to and that has an upsert."""
