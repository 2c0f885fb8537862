"""Readers and writers of ranking data."""
