"""Messages: what viewers write in a video's room.

This package alone writes the table message. It may import shared.db and what is below it, not shared.videos: who may
read a room is checked by the functions.
"""
