"""The settings of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rivulet.settings import option
from sources.follow.options import is_followed, topic_url
from sources.options import InputSettings, KafkaSettings, is_file_input

if TYPE_CHECKING:
    from sources.catalogue.follow_file import FileCatalogue
    from sources.catalogue.follow_topic import TopicCatalogue


@dataclass(frozen=True)
class CatalogueSettings:
    """Which items are on offer.

    Attributes:
        items: the catalogue: a file (CSV with a header, or Parquet), which a stream reads again
            when it changes, or kafka://HOST:PORT[,HOST:PORT]/TOPIC, a compacted topic of JSON
            values keyed by item. Columns: item, and as far as given available, updated, category,
            title, image, price, created. What is not available is in no list and no ranking.
    """

    items: str | None = option(None, "URL", shown="every item is available")

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        if self.items is not None and not self.items.strip():
            return ["--items is empty: give a path or a URL"]
        return []

    def source(
        self, chosen: InputSettings, kafka: KafkaSettings, start: int, new_seconds: int = 0
    ) -> FileCatalogue | TopicCatalogue | None:
        """Where workers load the catalogue from; None where there is none.

        Args:
            chosen: the settings of the events, whose items may be texts.
            kafka: whose security settings a topic has.
            start: start of the job, in seconds since the epoch.
            new_seconds: an item is new for so many seconds after it was created; 0 for no such
                items.

        Raises:
            SourceError: the URL is wrong.
        """
        if self.items is None:
            return None
        schema = chosen.read_schema()
        text_ids = schema is not None and schema.ids.item == "text"
        if is_file_input(self.items):
            from sources.catalogue.follow_file import FileCatalogue

            follow = is_followed(chosen, kafka)
            return FileCatalogue(self.items, start, follow, text_ids, new_seconds)
        from sources.catalogue.follow_topic import TopicCatalogue

        url = topic_url("--items", self.items, kafka)
        return TopicCatalogue(url, start, text_ids, new_seconds)
