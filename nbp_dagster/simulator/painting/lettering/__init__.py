"""The copy on a painted picture: its layout, its ground, its type and the SIMULATED mark."""
