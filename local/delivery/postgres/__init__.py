"""Delivery from the topics in PostgreSQL, the transport that needs no server of its own."""
