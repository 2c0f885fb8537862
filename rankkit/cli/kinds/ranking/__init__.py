"""Rankers at the command line."""
