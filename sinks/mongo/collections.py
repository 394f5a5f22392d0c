"""Collections with a prefix before their names, for several jobs in one database."""

from __future__ import annotations

from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database

Document = dict[str, Any]


class Collections:
    """A job's collections in a database.

    Args:
        database: the database.
        prefix: what is before their names.
    """

    def __init__(self, database: Database[Document], prefix: str = "") -> None:
        self._database, self._prefix = database, prefix

    def __getitem__(self, name: str) -> Collection[Document]:
        """The collection of a name without the prefix."""
        return self._database[f"{self._prefix}{name}"]

    def __contains__(self, name: str) -> bool:
        """Whether the collection of a name without the prefix exists."""
        return self[name].name in self._database.list_collection_names()
