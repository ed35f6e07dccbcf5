"""The Oxen API on loopback, for trials and tests; imports nothing of ours."""
