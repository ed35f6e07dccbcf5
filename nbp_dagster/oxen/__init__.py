"""A typed client of the Oxen API: one HTTP seam, one executor, one error tree."""
