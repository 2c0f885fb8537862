"""RecBole's loading of one file: run by loading.py with the Python that has it; prints processor seconds."""

import json
import resource
import sys
import time

from recbole.config import Config
from recbole.data import create_dataset


def main(folder, name):
    given = {
        "data_path": folder,
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "user_inter_num_interval": None,
        "item_inter_num_interval": None,
        "save_dataset": False,
        "show_progress": False,
        "state": "ERROR",
    }
    config = Config(model="BPR", dataset=name, config_dict=given)
    began, passed = time.process_time(), time.perf_counter()
    data = create_dataset(config)
    seconds, passed = time.process_time() - began, time.perf_counter() - passed
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    # Each side counts its users and items: RecBole numbers them from 1, and 0 is padding.
    counts = [data.user_num - 1, data.item_num - 1, len(data.inter_feat)]
    print(json.dumps({"seconds": seconds, "passed": passed, "peak": peak, "counts": counts}))


if __name__ == "__main__":
    sys.argv, asked = sys.argv[:1], sys.argv[1:]  # RecBole reads the command line, too
    main(*asked)
