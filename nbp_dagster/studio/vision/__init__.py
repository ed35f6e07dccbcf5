"""Finds and compares the faces of pictures (extra `character`); must not know characters."""
