"""The audit on MovieLens: figures that are known from elsewhere."""

import pytest

from rankkit.data.interactions import audit_split, split_interactions
from rankkit.loaders.interactions.reading import read_interactions


@pytest.mark.realdata
@pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")
def test_leave_one_out_of_movielens_learns_from_the_future(real_data):
    log = read_interactions(real_data / "ml-100k" / "u.data.gz")
    found = audit_split(split_interactions(log, "leave_last"))
    assert round(found.later_share, 2) == 0.41
    assert (found.n_users, found.n_tied_users) == (943, 415)
    by_time = audit_split(split_interactions(log, "time", test=0.2))
    assert (by_time.n_users, by_time.n_users - by_time.n_cold_users, by_time.later_share) == (301, 109, 0)
