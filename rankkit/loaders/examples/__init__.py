"""Labelled examples: images, archives, arrays, tables, and the bundled digits and glyphs."""
