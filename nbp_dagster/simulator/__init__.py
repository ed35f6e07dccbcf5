"""The Oxen API on loopback: jobs, files, events, faults and painted pictures; imports nothing of ours."""
