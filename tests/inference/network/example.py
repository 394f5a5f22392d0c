"""A window encoder in a package of its own: a linear map of the mean of the window's items.

The package registers it in its pyproject.toml, and `training.train --encoder mean` uses it:

    [project.entry-points."rivulet.encoders"]
    mean = "my_package.example:Mean"
"""

import torch
from torch import Tensor, nn


class Mean(nn.Module):
    """The mean of the window's items, mapped by a matrix.

    Args:
        dim: length d of an embedding.
        window: most items in a window; not used, a mean takes any number.
        dropout: dropout probability, in training only.
    """

    def __init__(self, dim: int, window: int, dropout: float) -> None:
        super().__init__()
        del window
        self.layer = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, items: Tensor, lengths: Tensor) -> Tensor:
        """Embedded windows [n, w, d], the oldest item first, and lengths [n] to [n, d]."""
        valid = torch.arange(items.shape[1], device=items.device) < lengths[:, None]
        total = (self.dropout(items) * valid[:, :, None]).sum(dim=1)
        return self.layer(total / lengths[:, None])  # type: ignore[no-any-return]
