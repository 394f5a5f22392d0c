"""Rivulet's public names, and what all packages share: settings, URLs, plugins, the command.

    from rivulet import ReadEvents, RecommendConfig, RecommendUsers, WriteTo

The names are imported when they are used first: importing this package imports no other.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.graph.recommend_config import (
        RecommendConfig as RecommendConfig,
    )
    from pipelines.graph.recommend_users import (
        RecommendUsers as RecommendUsers,
    )
    from pipelines.options import (
        ExploreSettings as ExploreSettings,
    )
    from pipelines.options import (
        ModelSettings as ModelSettings,
    )
    from pipelines.options import (
        PopularSettings as PopularSettings,
    )
    from pipelines.options import (
        RecommendSettings as RecommendSettings,
    )
    from sinks.urls import open_source as open_source
    from sinks.write import WriteTo as WriteTo
    from sources.options import InputSettings as InputSettings
    from sources.options import KafkaSettings as KafkaSettings
    from sources.read import ReadEvents as ReadEvents

__version__ = "0.1.0"

_HOMES = {
    "ExploreSettings": "pipelines.options",
    "InputSettings": "sources.options",
    "KafkaSettings": "sources.options",
    "ModelSettings": "pipelines.options",
    "PopularSettings": "pipelines.options",
    "ReadEvents": "sources.read",
    "RecommendConfig": "pipelines.graph.recommend_config",
    "RecommendSettings": "pipelines.options",
    "RecommendUsers": "pipelines.graph.recommend_users",
    "WriteTo": "sinks.write",
    "open_source": "sinks.urls",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Imports a public name's module when the name is used first."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
