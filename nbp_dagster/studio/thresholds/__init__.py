"""A brand's thresholds, from its character sheets and from what people decided."""
