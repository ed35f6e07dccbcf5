"""Which channels enlarge what the model draws."""

from pathlib import Path

import pytest

from nbp_dagster.briefs.channels import load_packaged_channels
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.briefs.models import Resolution
from nbp_dagster.prompts.picture_sizes import (
    LEAST_SHOWN,
    PIXELS_AT_1K,
    SCALES,
    find_enlarged,
    find_enlargement,
)
from nbp_dagster.simulator.painting import sizes
from nbp_dagster.studio.imaging.crop import LEAST_KEPT
from tests.rigs.briefs import campaign, shot, write_briefs

CHANNELS = load_packaged_channels()


def test_the_sizes_are_those_the_simulator_draws() -> None:
    assert dict(PIXELS_AT_1K) == dict(sizes.PIXELS_AT_1K)
    assert {name: sizes.SCALE[name] for name in SCALES} == SCALES
    assert LEAST_SHOWN == LEAST_KEPT


@pytest.mark.parametrize(
    ("channel", "resolution", "factor"),
    [
        ("print_a4", "1K", 2.92),
        ("print_a4", "2K", 1.46),
        ("print_a4", "4K", 0.73),
        ("instagram_feed", "1K", 1.17),
        ("instagram_feed", "2K", 0.59),
        ("instagram_square", "1K", 1.05),
        # A banner shows a part of its picture, as large as that fits.
        ("display_970x250", "1K", 1.0),
    ],
)
def test_a_channel_enlarges_what_has_fewer_pixels(
    channel: str, resolution: Resolution, factor: float
) -> None:
    assert find_enlargement(CHANNELS[channel], resolution) == pytest.approx(factor, abs=0.01)


def write(folder: Path, **changes: object) -> list[str]:
    brief = campaign(shot("kitchen"), channels=["instagram_square", "print_a4"], **changes)
    return [str(item) for item in find_enlarged(load_briefs(write_briefs(folder, brief)))]


def test_a_warning_has_its_line_and_the_resolution_that_helps(tmp_path: Path) -> None:
    [warning] = write(tmp_path, resolution="2K")

    assert warning.startswith("campaigns/winter.yaml:8: channels[1]: 'print_a4' - enlarges its ")
    assert "1.46 times at 2K; use resolution 4K" in warning


@pytest.mark.parametrize("changes", [{"resolution": "4K"}, {"model": "other", "price_usd": 1}])
def test_nothing_is_told_of_what_fits_or_is_not_known(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    assert write(tmp_path, **changes) == []


def test_a_channel_no_resolution_is_enough_for_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "channels.yaml").write_text(
        "poster: {name: Poster, width: 8000, height: 8000, ratio: '1:1', file_type: jpeg, "
        "max_bytes: 90000000, source: house, width_mm: 500}\n",
        encoding="utf-8",
    )
    brief = campaign(shot("kitchen"), channels=["poster"], resolution="4K")

    [warning] = find_enlarged(load_briefs(write_briefs(tmp_path, brief)))

    assert "1.95 times at 4K; no resolution of the model has more" in str(warning)
