"""Objectives of a metric: soft ranks and sorts, bounds of ranks, noisy orders."""
