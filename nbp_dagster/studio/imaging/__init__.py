"""Pixels in and out: safe decode, crop, resize, encode, and metadata inside the file."""
