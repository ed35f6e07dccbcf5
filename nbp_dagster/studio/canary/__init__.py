"""The same few shots on two models, side by side, bought through the same ledger."""
