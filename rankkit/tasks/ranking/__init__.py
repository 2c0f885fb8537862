"""Ranking: scorers, on lists of documents."""
