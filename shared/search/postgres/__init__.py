"""Full text search in PostgreSQL, the embedded default."""
