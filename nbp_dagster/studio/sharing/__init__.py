"""Finished sets that machines share: sent to the store whole, brought from it where they differ."""
