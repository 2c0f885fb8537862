"""The paired randomization test of 31,531 queries with 10,000 resamples: rankkit beside scipy, one thread.

``python experiments/speed/significance.py`` prints a Markdown table; ``--scipy`` adds scipy.stats.permutation_test,
which takes minutes. Times are processor seconds, the median of 3 runs. 31,531 queries are those of MSLR-WEB30K.
"""

import argparse
import statistics
import time

import numpy as np

from rankkit.statistics.significance import p_matrix, paired_t_p, sign_flip_p


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=31_531)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--systems", type=int, default=20)
    parser.add_argument("--scipy", action="store_true")
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    # As NDCG: most of a query's value is shared by the systems.
    quality = generator.beta(2, 2, (arguments.queries, 1))
    values = np.clip(quality + generator.normal(0, 0.15, (arguments.queries, arguments.systems)), 0, 1)
    deltas = values[:, 0] - values[:, 1] + 0.002

    def by_scipy():
        from scipy import stats

        return stats.permutation_test(
            (deltas,), np.sum, permutation_type="samples", n_resamples=arguments.resamples, batch=200
        ).pvalue

    def all_pairs():
        return p_matrix(values, test="randomization", n_resamples=arguments.resamples)[0, 1]

    n_pairs = arguments.systems * (arguments.systems - 1) // 2
    systems = {
        "rankkit.statistics.significance.sign_flip_p, one pair": lambda: sign_flip_p(
            deltas, n_resamples=arguments.resamples
        ),
        f"p_matrix, all {n_pairs} pairs of {arguments.systems} systems": all_pairs,
        "paired_t_p, one pair": lambda: float(paired_t_p(deltas)),
    }
    if arguments.scipy:
        systems["scipy.stats.permutation_test, one pair"] = by_scipy

    print(f"{arguments.queries:,} queries, {arguments.resamples:,} resamples; processor seconds of one thread.\n")
    print("| test | seconds | p |")
    print("| --- | --- | --- |")
    for name, system in systems.items():
        seconds = []
        for _ in range(1 if "scipy" in name else 3):
            start = time.process_time()
            p = system()
            seconds.append(time.process_time() - start)
        print(f"| {name} | {statistics.median(seconds):.2f} | {p:.4f} |")


if __name__ == "__main__":
    main()
