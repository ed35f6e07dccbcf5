"""The seven assets, their checks, partitions and step helpers."""
