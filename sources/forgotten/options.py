"""The settings of users to forget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rivulet.settings import option
from sources.follow.options import is_followed, topic_url
from sources.options import InputSettings, KafkaSettings, is_file_input

if TYPE_CHECKING:
    from sources.forgotten.file import ForgottenFile
    from sources.forgotten.topic import ForgottenTopic


@dataclass(frozen=True)
class ForgottenSettings:
    """Which users a job forgets.

    Attributes:
        forget: users to forget: a file that grows, which a stream reads again when it changes, or
            kafka://HOST:PORT[,HOST:PORT]/TOPIC. Its rows are user and time (CSV with a header, or
            JSON objects); what the user did up to the time, in seconds since the epoch, leaves
            the job's state. `python -m pipelines.forget` writes them.
    """

    forget: str | None = option(None, "URL", shown="nobody is forgotten")

    def problems(self) -> list[str]:
        """What is wrong with the values, a line each."""
        if self.forget is not None and not self.forget.strip():
            return ["--forget is empty: give a path or a URL"]
        return []

    def source(
        self, chosen: InputSettings, kafka: KafkaSettings
    ) -> ForgottenFile | ForgottenTopic | None:
        """Where workers load the users to forget from; None where nobody is forgotten.

        Args:
            chosen: the settings of the events, whose users may be texts.
            kafka: whose security settings a topic has.

        Raises:
            SourceError: the URL is wrong.
        """
        if self.forget is None:
            return None
        schema = chosen.read_schema()
        text_users = schema is not None and schema.ids.user == "text"
        if is_file_input(self.forget):
            from sources.forgotten.file import ForgottenFile

            follow = is_followed(chosen, kafka)
            return ForgottenFile(self.forget, follow, text_users, chosen.max_future)
        from sources.forgotten.topic import ForgottenTopic

        url = topic_url("--forget", self.forget, kafka)
        return ForgottenTopic(url, text_users, chosen.max_future)
