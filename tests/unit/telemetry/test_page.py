"""docs/observability.md lists the metrics as they are."""

import re
from pathlib import Path

from nbp_dagster.telemetry.metrics import METRICS

PAGE = (Path(__file__).parents[3] / "docs" / "observability.md").read_text("utf-8")


def test_the_page_lists_every_metric_with_its_kind_attributes_and_words() -> None:
    rows = re.findall(r"^\| `(nbp\.[a-z._]+)` \| (\w+) \| (.*?) ?\| (.+) \|$", PAGE, re.MULTILINE)

    assert [
        (name, kind, tuple(re.findall(r"`(\w+)`", divided)), words)
        for name, kind, divided, words in rows
    ] == [(item.name, item.kind, item.attributes, item.description) for item in METRICS]
