"""One module per command of `nbp`: its arguments and help; the rest is imported when it runs."""
