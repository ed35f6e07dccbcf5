"""Which runs are alive, on whatever machine, which is the last to finish, what one waits for."""
