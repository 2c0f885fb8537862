"""Experiment files: what is in them, checked before any data is read."""
