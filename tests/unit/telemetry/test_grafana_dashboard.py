"""The dashboard asks for metrics that there are, by names that a Prometheus has for them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.telemetry.metrics import METRICS, Metric

DASHBOARD = json.loads(
    (Path(__file__).parents[3] / "deploy" / "grafana" / "nbp.json").read_text("utf-8")
)
# What Prometheus makes of one histogram.
PARTS = ("_bucket", "_count", "_sum")


def queries() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"]


def stored_names(metric: Metric) -> set[str]:
    if metric.kind != "histogram":
        return {metric.stored_name}
    return {metric.stored_name + part for part in PARTS}


def metrics_in(query: str) -> set[str]:
    return set(re.findall(r"\bnbp_\w+", query))


KNOWN = {name: metric for metric in METRICS for name in stored_names(metric)}


@pytest.mark.parametrize("query", list(queries()))
def test_a_query_asks_for_what_is_exported(query: str) -> None:
    asked = metrics_in(query)
    assert asked
    assert asked <= KNOWN.keys()
    divided = set(re.findall(r"by \(([^)]*)\)", query)) | set(re.findall(r"(\w+)[!=]~?\"", query))
    labels = {label.strip() for part in divided for label in part.split(",")} - {"le"}
    for name in asked:
        assert labels <= {"provider", *KNOWN[name].attributes}, name


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {KNOWN[name].name for query in queries() for name in metrics_in(query)}
    assert shown == {metric.name for metric in METRICS}


def test_a_metric_that_is_renamed_is_noticed() -> None:
    assert not metrics_in("sum(nbp_spent_usd_total)") <= KNOWN.keys()


def test_panels_lie_beside_each_other_and_say_what_they_show() -> None:
    places: list[dict[str, Any]] = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    assert len({(place["x"], place["y"]) for place in places}) == len(places)
    assert all(panel["description"] and panel["title"] for panel in DASHBOARD["panels"])
