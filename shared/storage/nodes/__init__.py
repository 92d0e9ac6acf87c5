"""The nodes: which places they are, whether they answer, and taking and removing them."""
