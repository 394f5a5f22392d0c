"""Differences between rankers, paired by user, with bootstrap intervals.

Two rankers answer the same users. The mean of the users' differences has a narrower interval than
the difference of two means that are taken to be independent.
"""

from __future__ import annotations

from collections.abc import Sequence

from rivulet.errors import UserError
from training.evaluation.metrics import mean_interval, resample
from training.evaluation.protocol import Differences, MeasureConfig, Report


def add_differences(reports: Sequence[Report], against: str | None, config: MeasureConfig) -> None:
    """Adds to each report, by protocol, its differences to one of the reports.

    Args:
        reports: measured with the same queries and `config`.
        against: name of the report that the others are compared with; None for the baseline with
            the largest NDCG in each protocol, or without baselines the first report.
        config: how the reports were measured.

    Raises:
        UserError: no report has that name.
    """
    names = [report.name for report in reports]
    if against is not None and against not in names:
        raise UserError(f"--against {against}: there is no such row; there are {', '.join(names)}")
    for protocol in dict.fromkeys(name for report in reports for name in report.values):
        measured = [report for report in reports if protocol in report.values]
        reference = _reference(measured, protocol, against, f"ndcg@{config.k}")
        for report in measured:
            if report is reference:
                continue
            own, other = report.values[protocol], reference.values[protocol]
            samples = resample(len(next(iter(own.values()))), config.seed, config.samples)
            report.differences[protocol] = Differences(
                reference.name,
                {name: mean_interval(own[name] - other[name], samples) for name in own},
            )


def _reference(
    reports: Sequence[Report], protocol: str, against: str | None, metric: str
) -> Report:
    if against is not None:
        return next(report for report in reports if report.name == against)
    baselines = [report for report in reports if report.kind == "baseline"]
    if not baselines:
        return reports[0]
    return max(baselines, key=lambda report: report.scores[protocol][metric].value)
