"""On-demand inference with users and items that are text."""

import numpy as np
import pytest

from serving.models.inference_model import IdKindError, histories_request
from serving.schemas.inference import HistoriesInput
from transforms.columns.names import key_of
from transforms.messages.id_kinds import IdKinds

TEXT = IdKinds("text", "text")


def test_texts_become_the_models_keys() -> None:
    given = HistoriesInput.model_validate({"user": ["a/b", "é"], "item": [["x", "y", "z"], []]})
    request = histories_request(given, 2, TEXT)
    users, histories, lengths = request.columns
    assert users.tolist() == [key_of("a/b"), key_of("é")]
    assert histories.tolist() == [[key_of("y"), key_of("z")], [0, 0]]
    assert lengths.tolist() == [2, 0]
    assert users.dtype == histories.dtype == np.int64


@pytest.mark.parametrize(
    ("users", "items", "ids", "said"),
    [
        ([1], [["x"]], TEXT, "user: this model's ids are text"),
        (["u"], [[1]], TEXT, "item: this model's ids are text"),
        (["a\tb"], [["x"]], TEXT, "user: this model's ids are text"),
        (["u"], [[1]], IdKinds(), "user: this model's ids are integers"),
        ([1], [["x"]], IdKinds("integer", "integer"), "item: this model's ids are integers"),
    ],
)
def test_ids_of_another_kind_are_refused(
    users: list[int | str], items: list[list[int | str]], ids: IdKinds, said: str
) -> None:
    given = HistoriesInput.model_validate({"user": users, "item": items})
    with pytest.raises(IdKindError, match=said):
        histories_request(given, 10, ids)
