"""What launches, notices or reports by itself."""
