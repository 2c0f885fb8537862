"""Columns of documents: their kinds, the schema of a matrix of them, and rows encoded by it."""
