"""The simulator's HTTP routes, and what every one of them needs of a request."""
