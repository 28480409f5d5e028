"""Edges to a fraction of a px, and the lines and circles through them."""
