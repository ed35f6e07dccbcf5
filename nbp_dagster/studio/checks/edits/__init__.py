"""The checks of edits: what was to stay as it was, and the words that were to go."""
