"""Readers of interaction logs: tables, MovieLens files, one user a line, RecBole's atomic files."""
