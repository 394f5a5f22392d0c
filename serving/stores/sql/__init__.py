"""SQL stores: SQLite, MySQL, MariaDB, PostgreSQL and others that SQLAlchemy has a dialect for."""
