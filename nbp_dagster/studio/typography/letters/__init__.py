"""Letters before they are placed: fonts at a size, where lines may break, the scale of sizes."""
