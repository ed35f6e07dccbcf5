"""Who and what is drawn: people, mascots, products, and cut-outs of references."""
