"""What a campaign came to: pictures, money, decisions, checks and likeness, as data and a page."""
