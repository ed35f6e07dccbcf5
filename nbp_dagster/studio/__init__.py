"""The product's own work without Dagster: a facade, and the workflows that need every room."""
