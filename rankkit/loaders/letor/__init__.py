"""LETOR and SVMlight text: found, parsed in blocks, put together, cached."""
