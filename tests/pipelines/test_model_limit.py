"""`--max_model_bytes`: a larger file of a model is not read."""

from pathlib import Path

import pytest

from inference.models.files import ModelError
from pipelines.graph.models import model_source
from pipelines.options import ModelSettings
from tests.inference.models.test_registry import save


def test_a_model_of_larger_files_is_refused(tmp_path: Path) -> None:
    save(tmp_path, "1")
    largest = max(path.stat().st_size for path in tmp_path.iterdir())
    model_source(ModelSettings((str(tmp_path),), largest))
    with pytest.raises(ModelError, match=f"bytes; the limit is {largest - 1:,}"):
        model_source(ModelSettings((str(tmp_path),), largest - 1))
