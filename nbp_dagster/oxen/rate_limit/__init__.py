"""Adaptive (AIMD) rate limiting shared by every process with one key."""
