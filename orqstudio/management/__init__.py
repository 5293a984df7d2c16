"""Management commands, and their common ground."""
