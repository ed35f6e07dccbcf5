"""State that machines with one ledger have in common: documents, rate limits, known homes."""
