"""What a brief may say, and loading it or telling every error at once."""
