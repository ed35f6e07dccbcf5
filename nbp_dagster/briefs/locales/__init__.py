"""What depends on a locale: regions, which rules bind it, which spellings are one there."""
