"""What `make demo` runs: four objectives on the bundled sample, one table, and what to type next."""

import sys
from pathlib import Path

import rankkit as rk

DATA = Path(__file__).parents[2] / "data"
METRICS = ["ndcg@10", "mrr@10"]
OBJECTIVES = {
    "ranknet": rk.ranknet_loss,
    "listnet": rk.listnet_loss,
    "softmax": rk.softmax_loss,
    "bce": rk.bce_loss,
}


def main() -> None:
    train, valid, test = (rk.read_letor(DATA / f"{name}.txt") for name in ("train", "vali", "test"))
    print(f"train {train!r}\nvalid {valid!r}\ntest  {test!r}\n")

    reports = {}
    for name, objective in OBJECTIVES.items():
        scorer = rk.MLPScorer(train.n_features, seed=0)
        history = rk.fit(scorer, objective, train, valid, metric="ndcg@10", seed=0)
        reports[name] = rk.evaluate(scorer, test, METRICS)
        print(f"{name}: {history}", file=sys.stderr)

    print("objective  " + "  ".join(f"{metric:>25}" for metric in METRICS))
    for name, report in reports.items():
        cells = (
            f"{report.means[metric]:.4f} [{report.intervals[metric][0]:.4f}, {report.intervals[metric][1]:.4f}]"
            for metric in METRICS
        )
        print(f"{name:<9}  " + "  ".join(f"{cell:>25}" for cell in cells))
    print(f"\n{report.convention}")
    print("In brackets: 95% bootstrap interval over the test queries. One seed; differences inside it mean nothing.")
    print(
        "\nNext, on your own files:\n"
        "  source .venv/bin/activate\n"
        "  rankkit inspect train.txt\n"
        "  rankkit train --train train.txt --valid vali.txt --test test.txt --objective ranknet --out runs/ranknet\n"
        "  rankkit score runs/ranknet new.txt --out scores.parquet"
    )


if __name__ == "__main__":
    main()
