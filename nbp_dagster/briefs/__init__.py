"""What a brief may contain, and loading it or reporting every error at once."""
