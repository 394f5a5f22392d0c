import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from inference.models.ids import IdMap
from training.datasets.raw_files import COLUMNS
from training.datasets.side_features import load_side_features


def test_side_features_are_codes_with_0_for_unknown(tmp_path):
    columns = {name: [-1, -1, -1] for name in COLUMNS}
    columns |= {"user": [1, 1, 2], "item": [7, 8, 9], "label": ["pv"] * 3, "sex": [1, 1, 0]}
    columns["brand"] = [50, -1, 40]
    pq.write_table(pa.table(columns), tmp_path / "events.parquet")
    users, items = load_side_features(tmp_path, IdMap(np.array([1, 2])), IdMap(np.array([8, 7, 9])))
    assert users.codes.tolist() == [[2, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert users.sizes == (3, 1, 1)
    assert items.codes[:, 2].tolist() == [0, 2, 1, 0]
