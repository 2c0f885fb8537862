"""Similarity: encoders, on labelled examples."""
