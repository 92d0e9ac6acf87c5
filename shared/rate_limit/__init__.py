"""How often a client may ask: counters for all processes, in Redis or PostgreSQL, and the limit of a route."""
