"""What one package measures on given scores: run by protocols.py with the Python that has the package."""

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

KS = (3, 10)


def matrices(case):
    from scipy.sparse import csr_matrix

    n_users, n_items = np.array(case["scores"]).shape

    def of(events):
        users, items = np.array(events).T
        return csr_matrix((np.ones(len(users)), (users, items)), shape=(n_users, n_items))

    return of(case["train"]), of(case["test"])


def implicit(case):
    from implicit.als import AlternatingLeastSquares
    from implicit.evaluation import ranking_metrics_at_k

    train, test = matrices(case)
    scores = np.array(case["scores"], np.float32)
    model = AlternatingLeastSquares(scores.shape[1], num_threads=1)
    model.user_factors, model.item_factors = scores, np.eye(scores.shape[1], dtype=np.float32)
    found = {}
    for k in KS:
        values = ranking_metrics_at_k(model, train, test, K=k, show_progress=False, num_threads=1)
        found |= {f"{name}@{k}": values[name] for name in ("ndcg", "precision", "map")}
    return found


def irspack(case):
    from irspack.evaluation import Evaluator

    train, test = matrices(case)
    evaluator = Evaluator(test, masked_interactions=train, n_threads=1)
    values = evaluator.get_scores_from_score_matrix(np.array(case["scores"], np.float32), list(KS))
    theirs = {"ndcg": "ndcg", "recall": "recall", "precision": "precision", "hit_rate": "hit", "map": "map"}
    return {f"{ours}@{k}": values[f"{name}@{k}"] for ours, name in theirs.items() for k in KS}


def rectools(case):
    import pandas as pd
    from rectools.metrics import MAP, MRR, NDCG, F1Beta, HitRate, Precision, Recall, calc_metrics
    from rectools.models.rank import Distance, ImplicitRanker

    train, test = matrices(case)
    scores = np.array(case["scores"], np.float32)
    ranker = ImplicitRanker(Distance.DOT, scores, np.eye(scores.shape[1], dtype=np.float32))
    asked = np.flatnonzero(test.getnnz(axis=1))
    users, items, _ = ranker.rank(asked, k=max(KS), filter_pairs_csr=train[asked])
    lists = pd.DataFrame({"user_id": users, "item_id": items})
    lists["rank"] = lists.groupby("user_id").cumcount() + 1
    events = pd.DataFrame(case["test"], columns=["user_id", "item_id"])
    theirs = {
        "ndcg": NDCG, "recall": Recall, "precision": Precision, "hit_rate": HitRate, "mrr": MRR, "map": MAP,
        "f1": F1Beta,
    }  # fmt: skip
    return calc_metrics({f"{name}@{k}": made(k=k) for name, made in theirs.items() for k in KS}, lists, events)


def recommenders(case):
    import pandas as pd
    from recommenders.evaluation.python_evaluation import map_at_k, ndcg_at_k, precision_at_k, recall_at_k

    train, test = matrices(case)
    scores = np.array(case["scores"], np.float32)
    asked = np.flatnonzero(test.getnnz(axis=1))
    unseen = (train.toarray() == 0)[asked]
    rows, items = np.nonzero(unseen)
    columns = {"userID": asked[rows], "itemID": items, "prediction": scores[asked[rows], items]}
    predicted = pd.DataFrame(columns)
    events = pd.DataFrame(case["test"], columns=["userID", "itemID"]).assign(rating=1.0)
    theirs = {"ndcg": ndcg_at_k, "recall": recall_at_k, "precision": precision_at_k, "map": map_at_k}
    return {f"{name}@{k}": function(events, predicted, k=k) for name, function in theirs.items() for k in KS}


def cornac(case):
    from cornac.eval_methods import BaseMethod
    from cornac.metrics import MAP, MRR, NDCG, FMeasure, HitRatio, Precision, Recall
    from cornac.models import Recommender

    scores = np.array(case["scores"])

    class Given(Recommender):
        def score(self, user_idx, item_idx=None):
            item_ids = list(self.iid_map)
            users = {place: name for name, place in self.uid_map.items()}
            return scores[int(users[user_idx][1:])][[int(item[1:]) for item in item_ids[: self.num_items]]]

    def events(part):
        return [(f"u{user}", f"i{item}", 1.0) for user, item in case[part]]

    def measured(metrics):
        method = BaseMethod.from_splits(events("train"), events("test"), exclude_unknowns=True, seed=0)
        result = method.evaluate(Given("given"), list(metrics.values()), user_based=False)[0]
        return {ours: result.metric_avg_results[metric.name] for ours, metric in metrics.items()}

    theirs = {
        "ndcg": NDCG, "recall": Recall, "precision": Precision, "hit_rate": HitRatio, "f1": FMeasure,
    }  # fmt: skip
    found = measured({f"{name}@{k}": made(k=k) for name, made in theirs.items() for k in KS})
    return found | measured({"mrr": MRR(), "map": MAP()})


def recbole(case):
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.abstract_recommender import GeneralRecommender
    from recbole.trainer import Trainer
    from recbole.utils import InputType

    scores = np.array(case["scores"], np.float32)

    class Given(GeneralRecommender):
        input_type = InputType.PAIRWISE

        def __init__(self, config, dataset):
            super().__init__(config, dataset)
            self.weight = torch.nn.Parameter(torch.zeros(1))
            users = [int(name) for name in dataset.id2token("user_id", np.arange(1, dataset.user_num))]
            items = [int(name) for name in dataset.id2token("item_id", np.arange(1, dataset.item_num))]
            self.table = torch.full((dataset.user_num, dataset.item_num), -torch.inf)
            self.table[1:, 1:] = torch.from_numpy(scores[np.ix_(users, items)])

        def full_sort_predict(self, interaction):
            return self.table[interaction["user_id"]].flatten()

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "given"
        place.mkdir()
        # Every item stands in the part to choose by, so that it is a candidate: of two users without test events, since
        # RecBole refuses one who has met everything.
        everything = [(case["spare_user"] if item % 2 else -1, item) for item in range(scores.shape[1])]
        for part, events in (("train", case["train"]), ("valid", everything), ("test", case["test"])):
            rows = "".join(f"{user}\t{item}\n" for user, item in events)
            (place / f"given.{part}.inter").write_text("user_id:token\titem_id:token\n" + rows)
        options = {
            "data_path": folder, "benchmark_filename": ["train", "valid", "test"], "topk": list(KS), "seed": 0,
            "metrics": ["NDCG", "Recall", "Precision", "Hit", "MRR", "MAP"], "valid_metric": "NDCG@10",
            "metric_decimal_place": 12, "use_gpu": False, "state": "ERROR", "show_progress": False,
            "eval_args": {"split": {"LS": "valid_and_test"}, "order": "RO", "group_by": "user", "mode": "full"},
            "load_col": {"inter": ["user_id", "item_id"]}, "checkpoint_dir": folder, "train_neg_sample_args": None,
        }  # fmt: skip
        config = Config(model=Given, dataset="given", config_dict=options)
        dataset = create_dataset(config)
        _, _, test = data_preparation(config, dataset)
        found = Trainer(config, Given(config, dataset)).evaluate(test, load_best_model=False)
    theirs = {
        "ndcg": "ndcg",
        "recall": "recall",
        "precision": "precision",
        "hit_rate": "hit",
        "mrr": "mrr",
        "map": "map",
    }
    return {f"{ours}@{k}": found[f"{name}@{k}"] for ours, name in theirs.items() for k in KS}


def main(tool, source, target):
    case = json.loads(Path(source).read_text())
    values = {name: float(value) for name, value in globals()[tool](case).items()}
    Path(target).write_text(json.dumps({"version": version(tool), "values": values}))


if __name__ == "__main__":
    main(*sys.argv[1:])
