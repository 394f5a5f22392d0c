"""What a job did, from Beam's counters: the same on every runner."""

from __future__ import annotations

from dataclasses import dataclass

from apache_beam.metrics.metric import MetricsFilter
from apache_beam.runners.runner import PipelineResult
from rich.console import Console

from pipelines.label_table import label_table


@dataclass(frozen=True)
class Summary:
    """A job's counters.

    Attributes:
        counters: by name.
        seconds: how long the job ran.
    """

    counters: dict[str, int]
    seconds: float

    @staticmethod
    def of(result: PipelineResult, seconds: float) -> Summary:
        """The counters of a job that ended."""
        found = result.metrics().query(MetricsFilter().with_namespace("rivulet"))
        counters: dict[str, int] = {}
        for metric in found["counters"]:
            name = metric.key.metric.name
            # Prism commits none of a counter that was made and never moved.
            counters[name] = counters.get(name, 0) + int(metric.result or 0)
        return Summary(counters, seconds)

    def get(self, name: str) -> int:
        """A counter; 0 if nothing was counted."""
        return self.counters.get(name, 0)

    def rate(self) -> float:
        """Events a second."""
        return self.get("events") / max(self.seconds, 1e-9)

    def hit_rate(self, who: str) -> str:
        """Share of the recommendations by `who` (policy or popular) that were taken up."""
        shown = self.get(f"recommendations_{who}")
        return f"{self.get(f'hits_{who}') / shown:.2%}" if shown else "-"

    def rows(self, *, recommends: bool, ranks: bool, closes_panes: bool) -> list[tuple[str, str]]:
        """The table's rows."""

        def count(name: str) -> str:
            return f"{self.get(name):,}"

        rows = [("lines read", count("lines"))]
        if closes_panes:
            # A late event is recorded too; its pane was closed without it.
            recorded = self.get("closed") + self.get("late")
            rows += [("recorded", f"{recorded:,}"), ("duplicates", count("duplicates"))]
        else:
            rows.append(("events", count("events")))
        rows.append(("malformed", count("malformed")))
        if self.get("ignored"):
            rows.append(("ignored", count("ignored")))
        if self.get("future"):
            rows.append(("  from the future", count("future")))
        if closes_panes:
            rows.append(("late", count("late")))
        if ranks:
            rows.append(("windows", count("windows")))
        if recommends:
            total = self.get("recommendations_policy") + self.get("recommendations_popular")
            rows += [
                ("recommendations", f"{total:,}"),
                ("  by the policy", count("recommendations_policy")),
                ("    hit rate", self.hit_rate("policy")),
                ("  by popular items", count("recommendations_popular")),
                ("    hit rate", self.hit_rate("popular")),
            ]
        if self.get("impression_lines"):
            rows += self._impressions()
        for name, label in (
            ("expired", "records deleted before they were read"),
            ("malformed_items", "malformed records of the catalogue"),
            ("malformed_forgotten", "malformed rows of --forget"),
            ("refused", "rows refused by a store"),
            ("sink_retries", "tries of a store again"),
            ("model_failures", "failures of the model"),
            ("model_versions_refused", "versions of the model refused"),
            ("late_alarms", "minutes with too many late events"),
        ):
            if self.get(name):
                rows.append((label, count(name)))
        rows += [("seconds", f"{self.seconds:.1f}"), ("events a second", f"{self.rate():,.0f}")]
        return rows

    def _impressions(self) -> list[tuple[str, str]]:
        """Each impression is one of malformed, duplicate, late, counted and without a list."""
        received = self.get("impression_closed")
        shown = self.get("lists_shown")
        rows = [
            ("impressions read", self.get("impression_lines")),
            ("  malformed", self.get("impression_malformed")),
            ("  late", self.get("impression_late")),
            ("  duplicates", self.get("impression_duplicates")),
            ("  of lists shown", shown),
            ("  of a list shown before, or of none", received - shown),
        ]
        return [(label, f"{count:,}") for label, count in rows]


def show(title: str, rows: list[tuple[str, str]], hints: list[str]) -> None:
    """Prints a summary and where to look next."""
    console = Console()
    console.print(label_table(title, rows))
    for hint in hints:
        console.print(hint, soft_wrap=True, markup=False, highlight=False)
