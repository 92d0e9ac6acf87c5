"""Installing Wadi's libraries into .venv, and removing all of it. Only the standard library is imported."""
