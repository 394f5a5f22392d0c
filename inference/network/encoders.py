"""Window encoders by name: the built-in ones, and those that installed packages register.

A window encoder is a `torch.nn.Module` class with the constructor `(dim, window, dropout)` and the
`forward(items, lengths)` of `inference.network.window_encoders.Attention`. To add one, write the
class in a package of your own and declare an entry point of the group `rivulet.encoders`:

    [project.entry-points."rivulet.encoders"]
    mean = "my_package.mean:Mean"

Then train with `--encoder mean`. model.json keeps the name, so the package must be installed
wherever the model ranks. This module needs no PyTorch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rivulet.plugins import PluginError, Plugins

if TYPE_CHECKING:
    from torch import nn

GROUP = "rivulet.encoders"
"""The group of entry points."""

BUILT_IN = {
    "attention": "inference.network.window_encoders:Attention",
    "gru": "inference.network.window_encoders:Recurrent",
}
"""Name and location of the encoders that Rivulet has."""


ENCODERS = Plugins(GROUP, BUILT_IN)


def encoder_names() -> tuple[str, ...]:
    """The names of all encoders, the built-in ones first."""
    return ENCODERS.names()


def encoder_class(name: str) -> type[nn.Module]:
    """The encoder of this name.

    Raises:
        ValueError: no encoder has this name, or its package cannot be imported.
    """
    try:
        found: type[nn.Module] | None = ENCODERS.find(name)
    except PluginError as error:
        raise ValueError(f"encoder {error}") from error
    if found is None:
        raise ValueError(f"encoder {name!r} is not known; choose from {', '.join(encoder_names())}")
    return found
