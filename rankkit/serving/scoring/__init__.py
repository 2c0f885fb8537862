"""What scores: rankers, and the worker that scores for several requests at once."""
