"""Another picture that a person asks for in words: its price first, then a record of it."""
