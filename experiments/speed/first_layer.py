"""The default scorer.

`experiments/speed/first_layer.py`: the default `MLPScorer` (136 features, bins in front) with its first layer as a
matrix over the encoding of the bins, and as a table of which two rows a feature are read
(`rankkit/models/scorers/first_layer/gathering.py`). Values and gradients of the two agree to float32's digits. An
epoch of lambdarank, with dropout; scores of all the data; scores of one list. Medians of the runs, in turns, and the
median and the range of the turns' ratios.
"""

from unittest.mock import patch

import numpy as np
from measuring import begin, print_table, take_turns

import rankkit as rk
from rankkit.data.synthetic import make_mslr_like
from rankkit.models.scorers.networks import hidden

LIST_SIZE = 100


def the_way(name, call):
    """The call, with or without the encoding."""
    if name == "table":
        return call

    def run():
        with patch.object(hidden, "can_gather", lambda *given: False):
            call()

    return run


def main():
    options = begin(__doc__, queries=200, runs=7)
    data = make_mslr_like(options.queries, seed=0)
    scorer = rk.MLPScorer(data.n_features, seed=0)
    scorer.transform.fit(data.features, data.offsets)
    one = rk.from_arrays(np.ascontiguousarray(data.features[:LIST_SIZE]), None, np.zeros(LIST_SIZE, np.int64))
    tasks = {
        "training, docs/s": lambda: rk.fit(scorer, "lambdarank", data, epochs=1, progress=False, device="cpu"),
        "predict, docs/s": lambda: rk.predict(scorer, data),
        f"predict, one list of {LIST_SIZE}, ms": lambda: rk.predict(scorer, one),
    }
    found = {
        task: take_turns({way: the_way(way, call) for way in ("matrix", "table")}, options.runs, least=0.1)
        for task, call in tasks.items()
    }
    print(f"\n{data.n_queries:,} queries, {data.n_docs:,} documents, {options.runs} runs.")
    table = []
    for way in ("matrix", "table"):
        spent = [found[task][way] for task in tasks]
        shown = [shown_as(task, each.seconds, data.n_docs) for task, each in zip(tasks, spent, strict=True)]
        table.append((way, *shown))
        shown = [shown_as(task, each.user_seconds, data.n_docs) for task, each in zip(tasks, spent, strict=True)]
        table.append((f"{way}, user time", *shown))
    ratios = [
        sorted(a / b for a, b in zip(each["matrix"].turns, each["table"].turns, strict=True)) for each in found.values()
    ]
    medians = [f"{each['matrix'].over(each['table']):.2f}" for each in found.values()]
    shown = [f"{m} ({r[0]:.2f}-{r[-1]:.2f})" for m, r in zip(medians, ratios, strict=True)]
    table.append(("times as fast (range)", *shown))
    print_table(["", *tasks], table)


def shown_as(task, seconds, n_docs):
    """Documents a second, or milliseconds."""
    return f"{1000 * seconds:.2f}" if task.endswith("ms") else f"{n_docs / seconds:,.0f}"


if __name__ == "__main__":
    main()
