"""A kind of store in a file of a user's own: rankings of popular items as CSV files in a folder.

`docs/sinks.md` shows how to register it: the entry point `csvfolder = "shop.csv_store:CsvFolder"`
of the group `rivulet.sinks` makes `--popular_sink=csvfolder:///var/lib/shop` work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sinks.base import Refusal, SinkError, Store, StoreSource, Write
from transforms.messages.popular import PopularRows


@dataclass(frozen=True)
class CsvFolder(StoreSource):
    """A `csvfolder:///PATH` URL.

    Attributes:
        url: the URL.

    Raises:
        SinkError: the URL names no folder.
    """

    url: str

    def __post_init__(self) -> None:
        if not urlsplit(self.url).path:
            raise SinkError(f"{self.url} names no folder, as csvfolder:///var/lib/shop does")

    @property
    def name(self) -> str:
        """The URL, which has no secrets."""
        return self.url

    def accepts(self, message_type: type[Any]) -> bool:
        """Rankings alone."""
        return message_type is PopularRows

    def open(self) -> Store:
        """Opens the folder."""
        return CsvFolderStore(self.url, Path(urlsplit(self.url).path))


class CsvFolderStore(Store):
    """A file for each window, whose name is the window's end.

    Args:
        name: the URL.
        folder: where the files are.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self._folder = name, folder

    def prepare(self) -> None:
        """Creates the folder."""
        self._folder.mkdir(parents=True, exist_ok=True)

    def writer(self, message_type: type[Any]) -> Write:
        """Writes the files of a frame's windows; a repeated window replaces its file."""
        if message_type is not PopularRows:
            raise SinkError(f"{self.name} has no file for {message_type.__name__}")
        return self._write

    def is_outage(self, error: BaseException) -> bool:
        """A full disk, for example."""
        return isinstance(error, OSError)

    def close(self) -> None:
        """Nothing is open."""

    def _write(self, rows: PopularRows) -> Sequence[Refusal]:
        for end in set(rows.window_end.tolist()):
            ranking = rows.take(rows.window_end == end)
            columns = (ranking.rank.tolist(), ranking.item.tolist(), ranking.count.tolist())
            lines = zip(*columns, strict=True)
            text = "".join(f"{rank},{item},{count}\n" for rank, item, count in lines)
            (self._folder / f"{end}.csv").write_text(text)
        return []
