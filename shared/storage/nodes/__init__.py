"""The nodes: where they are, their states, which of them answer, adding and removing them, and the ring."""
