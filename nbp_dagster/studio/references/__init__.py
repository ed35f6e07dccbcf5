"""Reference images: validated, drawn as one sheet card, delivered to the service."""
