"""From a prompt to a priced order, with the character sheet it is anchored to."""
