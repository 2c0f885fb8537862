"""Significance.

`experiments/speed/significance.py`: the paired randomization test of as many queries as MSLR-WEB30K has. In rankkit one
random byte holds the signs of eight queries and is looked up among the 256 sums they can have; all pairs of systems
share the signs. scipy's `permutation_test` is given fewer resamples, and its time is times as many as it was given
less: it grows with them. The random bytes alone are what no test can do without. Median and range of 5 runs.
"""

import numpy as np
from measuring import begin, print_table, take_turns
from scipy import stats

from rankkit.statistics.significance import p_matrix, paired_t_p, sign_flip_p


def main():
    options = begin(__doc__, queries=31_531, resamples=10_000, systems=20, scipy_resamples=200, runs=5)
    generator = np.random.default_rng(0)
    # As NDCG: most of a query's value is shared by the systems.
    quality = generator.beta(2, 2, (options.queries, 1))
    values = np.clip(quality + generator.normal(0, 0.15, (options.queries, options.systems)), 0, 1)
    deltas = values[:, 0] - values[:, 1] + 0.002
    n_pairs, n_resamples = options.systems * (options.systems - 1) // 2, options.resamples

    def by_scipy():
        given = {"permutation_type": "samples", "n_resamples": options.scipy_resamples, "batch": 200}
        return stats.permutation_test((deltas,), np.sum, **given).pvalue

    factor = n_resamples / options.scipy_resamples
    scipy_title = f"scipy.stats.permutation_test, one pair ({options.scipy_resamples:,} resamples, times {factor:g})"
    tests = {
        "rankkit sign_flip_p, one pair": lambda: sign_flip_p(deltas, n_resamples=n_resamples),
        f"rankkit p_matrix, all {n_pairs} pairs of {options.systems} systems": lambda: p_matrix(
            values, test="randomization", n_resamples=n_resamples
        )[0, 1],
        "rankkit paired_t_p, one pair": lambda: float(paired_t_p(deltas)),
        scipy_title: by_scipy,
        "the random bytes alone": lambda: generator.bytes(n_resamples * -(-options.queries // 8)),
    }
    spent = take_turns(tests, options.runs)
    rows = []
    for name, each in spent.items():
        times = factor if name == scipy_title else 1
        low, middle, high = (times * seconds for seconds in (min(each.turns), each.seconds, max(each.turns)))
        p = tests[name]()
        p = "" if isinstance(p, bytes) else f"{p:.4f}"
        rows.append((name, f"{middle:.3f} ({low:.3f}-{high:.3f})", f"{times * each.user_seconds:.3f}", p))
    print(f"\n{options.queries:,} queries, {n_resamples:,} resamples.")
    print_table(["test", "s", "user s", "p"], rows)


if __name__ == "__main__":
    main()
