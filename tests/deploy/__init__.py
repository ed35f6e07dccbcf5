"""What `deploy/` holds, against the programs that read it."""
