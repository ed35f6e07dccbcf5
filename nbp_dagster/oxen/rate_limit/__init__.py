"""Adaptive (AIMD) rate limiting shared by every process with one key, and the outage breaker."""
