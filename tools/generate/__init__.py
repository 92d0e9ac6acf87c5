"""Writes what is derived from the code: istio/routes.yaml, docs/openapi.json, events/schemas/, events/asyncapi.json …

docs/schema.md is derived from a database that is migrated for that: schema.py.

`python -m tools.generate` writes; tests/unit/test_generated.py fails when a file is stale.
"""
