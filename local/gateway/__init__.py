"""The one HTTP server in front of all functions: routes, CORS, signed object URLs and the player's page.

It sends requests to the activator.
"""
