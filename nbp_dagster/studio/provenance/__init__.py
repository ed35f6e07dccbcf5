"""Which prompt is behind this picture: descriptors, index, pixel comparison."""
