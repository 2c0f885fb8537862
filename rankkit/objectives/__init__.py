"""Objectives: pure functions of (scores, labels, mask)."""
