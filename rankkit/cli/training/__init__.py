"""Commands that train: one run, one a fold, one a margin."""
