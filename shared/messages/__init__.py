"""What viewers say in a video's room."""
