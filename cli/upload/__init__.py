"""Uploading a file in parts, over connections that break, by clients that are stopped and started again."""
