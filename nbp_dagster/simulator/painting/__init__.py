"""The pictures the simulator answers with, painted from the words of a prompt."""
