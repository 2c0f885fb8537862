"""EASE of RecTools on one log: run by ease.py with the Python that has it; prints processor seconds and peak memory."""

import json
import resource
import sys
import time

import numpy as np
import pandas as pd
from rectools.dataset import Dataset
from rectools.models import EASEModel


def main(source, l2, k):
    held = np.load(source)
    # RecTools numbers users and items itself, and reads times.
    frame = pd.DataFrame({"user_id": held["users"], "item_id": held["items"], "weight": 1.0})
    frame["datetime"] = pd.Timestamp("2020-01-01")
    data = Dataset.construct(frame)
    began = time.process_time()
    model = EASEModel(regularization=float(l2), recommend_n_threads=1).fit(data)
    learnt = time.process_time()
    lists = model.recommend(frame["user_id"].unique(), data, k=int(k), filter_viewed=True)
    listed = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"fit": learnt - began, "lists": listed - learnt, "peak": peak, "rows": len(lists)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
