"""What law and platforms ask a picture made with AI to say, as one table with its sources."""
