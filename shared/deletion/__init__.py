"""Deleting a video: its rows, messages, objects and index entries, and the audit that nothing is left.

It calls on every package that holds something of a video, so it stands above shared.videos, shared.uploads,
shared.messages, shared.search and shared.storage. It writes no table itself. Only functions may import it.
"""
