"""The transport that needs no server of its own: the relay from the outbox to the topics in PostgreSQL."""
