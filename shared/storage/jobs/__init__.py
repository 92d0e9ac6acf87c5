"""Background jobs over all objects: rebalancing (with the migration of one object) and garbage collection."""
