"""What differs between kinds of models, and nothing else: their data, batches, steps, checks, measures, words."""
