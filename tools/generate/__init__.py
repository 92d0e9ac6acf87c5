"""Writes what is derived from the code: istio/routes.yaml, docs/openapi.json, events/schemas/ and events/asyncapi.json.

`python -m tools.generate` writes; tests/unit/test_generated.py fails when a file is stale.
"""
