"""Probing, planning and encoding of media: a pure library on files."""
