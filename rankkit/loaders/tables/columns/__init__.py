"""Columns of a table: what each is, its type, what is learnt of it, its values as numbers, what looks wrong."""
