"""Listwise objectives: distributions over a list, likelihoods of an order."""
