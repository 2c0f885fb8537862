"""What the package implicit makes of one training matrix: run by compare.py with the Python that has it."""

import sys
import time

import numpy as np
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.evaluation import ranking_metrics_at_k
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from scipy.sparse import csr_matrix


def matrix(held, name):
    return csr_matrix((held[f"{name}.data"], held[f"{name}.indices"], held[f"{name}.indptr"]), shape=held["shape"])


def timed(function):
    began = time.process_time()
    found = function()
    return found, time.process_time() - began


def main(source, target):
    held = np.load(source)
    train, test = matrix(held, "train"), matrix(held, "test")
    n_neighbours, n_factors, l2, alpha = (held[name].item() for name in ("n_neighbours", "n_factors", "l2", "alpha"))
    out = {}
    for name, kind in (("cosine", CosineRecommender), ("tf_idf", TFIDFRecommender), ("bm25", BM25Recommender)):
        model = kind(K=n_neighbours + 1, num_threads=1)  # an item is one of its own neighbours there
        _, out[f"{name}.seconds"] = timed(lambda model=model: model.fit(train, show_progress=False))
        similarity = model.similarity.tocsr()
        similarity.setdiag(0)
        similarity.eliminate_zeros()
        out |= {f"{name}.{part}": getattr(similarity, part) for part in ("data", "indices", "indptr")}
    als = AlternatingLeastSquares(n_factors, l2, 1 + alpha, iterations=15, num_threads=1, random_state=0)
    _, out["als.seconds"] = timed(lambda: als.fit(train, show_progress=False))
    measure = {"K": 10, "show_progress": False, "num_threads": 1}
    found, out["evaluation.seconds"] = timed(lambda: ranking_metrics_at_k(als, train, test, **measure))
    out["als.ndcg"] = found["ndcg"]
    als.item_factors, als._YtY = held["item_factors"], None
    out["fold_in"], out["fold_in.seconds"] = timed(lambda: als.recalculate_user(np.arange(train.shape[0]), train))
    als.user_factors = held["user_factors"]
    out["same_factors.ndcg"] = ranking_metrics_at_k(als, train, test, **measure)["ndcg"]
    bpr = BayesianPersonalizedRanking(n_factors, 0.05, 0.01, iterations=50, num_threads=1, random_state=0)
    _, out["bpr.seconds"] = timed(lambda: bpr.fit(train, show_progress=False))
    out["bpr.ndcg"] = ranking_metrics_at_k(bpr, train, test, **measure)["ndcg"]
    np.savez(target, **out)


if __name__ == "__main__":
    main(*sys.argv[1:])
