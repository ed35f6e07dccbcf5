"""One module for each version of the tables and columns, oldest first."""
