"""What depends on a locale or its script: regions, which rules bind it, spellings, quotes."""
