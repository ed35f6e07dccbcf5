"""Writing briefs: schemas for editors, briefs from a page, folder or table, effects of an edit."""
