"""The money protocol: claim, post, wait, collect, reconcile, many orders at once."""
