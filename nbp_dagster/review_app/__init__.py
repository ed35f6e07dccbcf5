"""The review page as a small web app: look at a set, approve, reject, choose a variant, undo."""
