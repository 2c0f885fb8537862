"""Networks over transformed features: they differ between the first values of a document and its output alone."""
