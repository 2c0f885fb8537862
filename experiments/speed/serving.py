"""What one `POST /rank` of 100 documents with 136 features costs, stage by stage, and the same done otherwise.

    python experiments/speed/serving.py

One thread, processor time, medians; the ways of a stage take turns. Requests over connections, with all of HTTP, are
measured by `experiments/export/serve_load.py`.
"""

import argparse
import json
import statistics
import time
from unittest.mock import patch

import msgspec
import numpy as np
import torch

import rankkit as rk
from rankkit.export.source import read_source
from rankkit.models.scorers.networks import hidden
from rankkit.serving.bodies import reading
from rankkit.serving.bodies.form import Form
from rankkit.serving.scoring.ranker import ServedRanker

N_DOCS, N_FEATURES = 100, 136


def default_scorer():
    """The default network, its transform fitted; untrained weights cost the same time."""
    data = rk.make_ranking(200, n_features=N_FEATURES, seed=0)
    scorer = rk.MLPScorer(N_FEATURES, seed=0)
    scorer.transform.fit(data.features, data.offsets)
    return scorer


def ways():
    """``(stage, way, function)``; the first way of a stage is what the others are compared with."""
    scorer = default_scorer()
    one = rk.make_ranking(1, n_features=N_FEATURES, list_size=(N_DOCS, N_DOCS), seed=3)
    rows = [[float(str(value)) for value in row] for row in one.features]  # shortest digits
    body = json.dumps({"documents": [{"id": place, "features": row} for place, row in enumerate(rows)]}).encode()
    form = Form(tuple(map(str, range(1, N_FEATURES + 1))), True, 2000, 10_000)
    looking, frozen = read_source(scorer), ServedRanker(read_source(scorer))
    scores = frozen.scores(one.features, one.offsets)

    def by_matrix():
        with patch.object(hidden, "can_gather", lambda *given: False):
            return looking.scores(one.features, one.offsets)

    def answer():
        order = np.argsort(-scores, kind="stable").tolist()
        values = scores.tolist()
        ranked = [{"id": place, "score": values[place], "rank": rank} for rank, place in enumerate(order, 1)]
        return msgspec.json.encode({"query_id": None, "documents": ranked})

    yield "read the body", "msgspec, lists to an array", lambda: reading._plain_rank(body, form).features
    yield "read the body", "digits to float32", lambda: reading._rank_numbers(body, form).features
    yield "score", "first layer as a matrix", by_matrix
    yield "score", "as a table, compared with the weights", lambda: looking.scores(one.features, one.offsets)
    yield "score", "as a table, weights frozen (the service)", lambda: frozen.scores(one.features, one.offsets)
    yield "predict", "as a table, compared with the weights", lambda: rk.predict(scorer, one)
    yield "write the answer", "msgspec", answer


def main():
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=300)
    options = parser.parse_args()
    torch.set_num_threads(1)
    measured = [(*words, run, []) for *words, run in ways()]
    for turn in range(options.repeats + 20):
        for _, _, run, seconds in measured:
            start = time.process_time()
            run()
            if turn >= 20:  # before, loops are compiled and memory is taken
                seconds.append(time.process_time() - start)
    print("| stage | way | ms | times as fast | largest difference |\n|---|---|---|---|---|")
    first = {}
    for stage, way, run, seconds in measured:
        found, median = run(), statistics.median(seconds)
        expected, slowest = first.setdefault(stage, (found, median))
        difference = "" if isinstance(found, bytes) else f"{np.abs(found - expected).max():.1g}"
        print(f"| {stage} | {way} | {1000 * median:.2f} | {slowest / median:.2f} | {difference} |")


if __name__ == "__main__":
    main()
