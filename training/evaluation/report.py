"""The results of an evaluation as JSON, as tables in Markdown, and as a plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.evaluation.metrics import Estimate
from training.evaluation.protocol import Report

TITLES = {
    "later/new": "All later items, new ones only",
    "later/repeats": "All later items, repeats allowed",
    "next/new": "The next item, new ones only",
    "next/repeats": "The next item, repeats allowed",
}
"""The protocols of a report by name."""


def as_json(reports: Sequence[Report], protocol: str) -> list[dict[str, Any]]:
    """An object per report: name, kind, seeds, metrics of `protocol` and of all, differences."""
    return [
        {
            "name": report.name,
            "kind": report.kind,
            "seeds": report.seeds,
            **{name: asdict(value) for name, value in report.scores[protocol].items()},
            "protocol": protocol,
            "protocols": {
                each: {name: asdict(value) for name, value in scores.items()}
                for each, scores in report.scores.items()
            },
            "differences": {each: asdict(found) for each, found in report.differences.items()},
        }
        for report in reports
    ]


def write_json(path: Path, reports: Sequence[Report], protocol: str) -> None:
    """Writes `as_json` to a file; its folder is made if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_json(reports, protocol), indent=2) + "\n", encoding="utf-8")


def markdown(reports: Sequence[Report]) -> str:
    """A table for each protocol, the best value of each metric in bold.

    The last column is the paired difference of the first metric to one of the rows.
    """
    return "\n".join(
        table
        for protocol in TITLES
        if (table := _table(TITLES[protocol], protocol, reports)) is not None
    )


def _table(title: str, protocol: str, reports: Sequence[Report]) -> str | None:
    rows = [(report, report.scores[protocol]) for report in reports if protocol in report.scores]
    if not rows:
        return None
    metrics = list(rows[0][1])
    best = {
        name: max(scores[name].value for _, scores in rows)
        for name in metrics
        if name != "popularity_bias"  # It has no best value.
    }
    others = {row.differences[protocol].against for row, _ in rows if protocol in row.differences}
    against = [f"{metrics[0]} less that of {name}" for name in sorted(others)]
    lines = [f"**{title}**", ""]
    titles = [*(name.replace("_", " ") for name in metrics), *against]
    lines.append("| | " + " | ".join(titles) + " |")
    lines.append("|---|" + "---|" * len(titles))
    for report, scores in rows:
        cells = [_cell(scores[name], best.get(name)) for name in metrics]
        if against:
            found = report.differences.get(protocol)
            cells.append(_signed(found.scores[metrics[0]]) if found else "")
        seeds = f" ({report.seeds} seeds)" if report.seeds > 1 else ""
        lines.append(f"| {report.name}{seeds} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(estimate: Estimate, best: float | None) -> str:
    digits = 4 if estimate.value < 1 else 2
    value = f"{estimate.value:.{digits}f}"
    bold = "**" if estimate.value == best else ""
    return f"{bold}{value}{bold} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.4f} ({estimate.low:+.4f} to {estimate.high:+.4f})"


def plot(path: Path, reports: Sequence[Report], metric: str) -> None:
    """Draws one metric with its intervals for every protocol; the file's suffix is its format."""
    from matplotlib.figure import Figure

    drawn = [name for name in TITLES if any(name in report.scores for report in reports)]
    height = 1.2 + 0.28 * len(reports)
    figure = Figure(figsize=(4 + 3 * len(drawn), height), layout="constrained")
    panels = figure.subplots(1, len(drawn), sharey=True, squeeze=False)[0]
    for panel, protocol in zip(panels, drawn, strict=True):
        for place, report in enumerate(reports):
            if protocol not in report.scores:
                continue
            one = report.scores[protocol][metric]
            reach = [[one.value - one.low], [one.high - one.value]]
            color = "tab:blue" if report.kind == "model" else "tab:gray"
            panel.errorbar(one.value, place, xerr=reach, fmt="o", color=color, capsize=3)
        panel.set_title(TITLES[protocol], fontsize="small")
        panel.set_xlabel(f"{metric}, 95% interval", fontsize="small")
        panel.set_xlim(left=0)
        panel.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(range(len(reports)), [report.name for report in reports])
    panels[0].invert_yaxis()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
