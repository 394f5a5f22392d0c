"""Window encoders by name: the built-in ones, and those that installed packages register.

A window encoder is a `torch.nn.Module` class with the constructor `(dim, window, dropout)` and the
`forward(items, lengths)` of `inference.network.window_encoders.Attention`. To add one, write the
class in a package of your own and declare an entry point of the group `rivulet.encoders`:

    [project.entry-points."rivulet.encoders"]
    mean = "my_package.mean:Mean"

Then train with `--encoder mean`. model.json keeps the name, so the package must be installed
wherever the model ranks. The constructor must not read the values of its own tensors: the shapes of
a model's weights are checked on PyTorch's meta device. This module needs no PyTorch.
"""

from __future__ import annotations

import importlib
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

GROUP = "rivulet.encoders"
"""The group of entry points."""

BUILT_IN = {
    "attention": "inference.network.window_encoders:Attention",
    "gru": "inference.network.window_encoders:Recurrent",
}
"""Name and location of the encoders that Rivulet has."""


def encoder_names() -> tuple[str, ...]:
    """The names of all encoders, the built-in ones first."""
    installed = sorted({point.name for point in entry_points(group=GROUP)} - BUILT_IN.keys())
    return (*BUILT_IN, *installed)


def encoder_class(name: str) -> type[nn.Module]:
    """The encoder of this name.

    Raises:
        ValueError: no encoder has this name, or its package cannot be imported.
    """
    if name in BUILT_IN:
        module, _, attribute = BUILT_IN[name].partition(":")
        return getattr(importlib.import_module(module), attribute)  # type: ignore[no-any-return]
    found: list[EntryPoint] = [point for point in entry_points(group=GROUP) if point.name == name]
    if not found:
        raise ValueError(f"encoder {name!r} is not known; choose from {', '.join(encoder_names())}")
    try:
        return found[0].load()  # type: ignore[no-any-return]
    except (ImportError, AttributeError) as error:
        raise ValueError(
            f"encoder {name!r} ({found[0].value}) cannot be imported: {error}"
        ) from error
