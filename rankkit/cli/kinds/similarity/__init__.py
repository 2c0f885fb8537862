"""Encoders at the command line."""
