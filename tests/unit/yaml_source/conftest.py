"""What tests of both parsers share."""

import pytest
import yaml

from nbp_dagster.yaml_source import document


@pytest.fixture(
    params=[yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)], ids=["python", "c"]
)
def each_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have files read by PyYAML's own parser, then by libyaml's, where it is there."""
    monkeypatch.setattr(document, "_Loader", request.param)
