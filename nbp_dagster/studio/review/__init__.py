"""What people decided about a set's pictures, and what follows from it."""
