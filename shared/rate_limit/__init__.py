"""Rate limits: counters that all processes share, and the limit per client of a route.

This package alone writes the table rate_limit. It may import shared.cache, shared.db, shared.config and shared.errors.
"""
