"""Ranking metrics: pure functions of (scores, labels, mask), one value a query."""
