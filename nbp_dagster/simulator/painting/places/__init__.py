"""Where it is drawn: rooms, open places, props and the stage they stand on."""
