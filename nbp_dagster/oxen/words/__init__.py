"""What the words of an error mean: a refusal, a limit, or a fault that passes."""
