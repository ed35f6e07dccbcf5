"""Scoring a character against its sheet (extra `character`)."""
