"""What functions have in common about videos: who may see one, how far it is, and what work it still needs."""
