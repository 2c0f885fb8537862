"""Pairwise and lambda objectives, and the core of sums over pairs under them."""
