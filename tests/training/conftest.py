from tests.quick_runs import examples, new_scorer, quick, quick_encoder, seen, train, unseen, valid

__all__ = ["examples", "new_scorer", "quick", "quick_encoder", "seen", "train", "unseen", "valid"]
