"""rankkit: learning to rank on PyTorch.

>>> import rankkit as rk
>>> train, valid = rk.make_ranking(60, seed=1), rk.make_ranking(30, seed=2)
>>> scorer = rk.MLPScorer(train.n_features, hidden=(16,), seed=0)
>>> history = rk.fit(scorer, rk.ranknet_loss, train, valid, metric="ndcg@10", epochs=2)
>>> report = rk.evaluate(scorer, valid, ["ndcg@10", "mrr@10"])
>>> list(report.means)
['ndcg@10', 'mrr@10']

Names stand in ``__init__.pyi`` and are imported at first use, so that ``import rankkit`` and ``rankkit --help`` stay
fast.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
