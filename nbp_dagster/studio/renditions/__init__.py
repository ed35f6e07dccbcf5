"""One original to every channel's file, checked and recorded."""
