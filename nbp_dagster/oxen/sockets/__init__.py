"""Sockets of requests under way, and what cuts them when their time is over."""
