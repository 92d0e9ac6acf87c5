"""The relay from the outbox to the topics in PostgreSQL, the transport that needs no server of its own."""
