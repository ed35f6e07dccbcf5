"""A finished set on its way out: what is sent, what refuses it, and the targets that take it."""
