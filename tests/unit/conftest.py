"""Fixtures of the brand tests: the good briefs of tests/data, and a copy of them to break."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from nbp_dagster.briefs.load import Briefs, load_briefs
from nbp_dagster.prompts.request import Sheet
from tests.rigs.prompt_goldens import GOOD_BRIEFS, SHEETS, digests_of


@pytest.fixture
def config_dir(tmp_path: Path) -> Path:
    """A copy of the good briefs that a test may change."""
    return Path(shutil.copytree(GOOD_BRIEFS, tmp_path / "assets_config"))


@pytest.fixture(scope="session")
def briefs() -> Briefs:
    return load_briefs(GOOD_BRIEFS)


@pytest.fixture
def sheets() -> Mapping[str, Sheet]:
    return SHEETS


@pytest.fixture
def digests(briefs: Briefs) -> Mapping[str, str]:
    return digests_of(briefs)
