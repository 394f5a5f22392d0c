"""The alerts for Prometheus and the dashboard for Grafana: they name the metrics that there are."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from serving.metrics import Metrics
from serving.schemas.job import Job

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "rules.yaml"
DASHBOARD = DEPLOY / "grafana" / "rivulet.json"
_NAME = re.compile(r"\brivulet_[a-z_]+\b")


def metrics() -> set[str]:
    """The names of all samples, as Prometheus stores them."""
    made = Metrics()
    made.seconds.labels("GET", "/popular", "200").observe(0.1)
    made.store_up.labels("x").set(1)
    made.job.labels("read").set(1)
    made.ranked.labels("x").inc()
    made.refused.labels("x").set(0)
    lines = made.text().decode().splitlines()
    return {re.split(r"[{ ]", line)[0] for line in lines if not line.startswith("#")}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
    return found


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from (target["expr"] for panel in panels() for target in panel["targets"])


def test_every_metric_and_counter_of_the_job_is_there() -> None:
    known = metrics()
    counters = set(Job.__dataclass_fields__)
    named: set[str] = set()
    for expression in expressions():
        names = set(_NAME.findall(expression))
        assert names <= known, expression
        named |= names
        for text in re.findall(r'\bname=~?"([^"]*)"', expression):
            assert set(text.split("|")) <= counters, expression
        for opened, closed in ("()", "{}", "[]"):
            assert expression.count(opened) == expression.count(closed), expression
    # What is measured is shown, but for the times at which a metric was made.
    parts = ("_created", "_bucket", "_sum", "_count")
    shown = {name for name in known if not name.endswith(parts)} - {"rivulet_page_listeners"}
    assert shown <= named


def test_every_alert_says_what_is_wrong() -> None:
    alerts = rules()
    assert len({rule["alert"] for rule in alerts}) == len(alerts)
    guide = (DEPLOY.parent / "docs" / "deploy.md").read_text()
    for rule in alerts:
        assert set(rule["annotations"]) == {"summary", "description"}
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert f"`{rule['alert']}`" in guide, rule["alert"]


def test_panels_have_places_of_their_own() -> None:
    places = [panel["gridPos"] for panel in panels()]
    taken = {
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    }
    assert len(taken) == sum(place["w"] * place["h"] for place in places)
    assert max(x for x, _ in taken) < 24
    assert len({panel["id"] for panel in panels()}) == len(places)
