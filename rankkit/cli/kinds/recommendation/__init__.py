"""Recommenders at the command line."""
