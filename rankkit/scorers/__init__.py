"""Scorers: features of documents to scores."""
