"""Which runs are alive, on whatever machine, and which of several is the last to finish."""
