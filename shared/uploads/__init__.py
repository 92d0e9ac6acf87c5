"""Uploads: how sources come in, and when they may go."""
