"""Adaptive (AIMD) rate limiting and its back-off, shared by every process with one key."""
