"""Our Lab and CIEDE2000 against the published pairs and another implementation."""

import numpy as np
import pytest
from coloraide import Color
from PIL import Image

from nbp_dagster.studio.checks.characters.colour import (
    BIN_COUNT,
    bins_of,
    difference,
    lab_of,
    share_bins,
)
from nbp_dagster.studio.checks.characters.palette import measure_palette

# Sharma, Wu and Dalal (2005), table 1: two Lab colours and their difference.
SHARMA = [
    ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
    ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0),
    ((50, 0, 0), (50, -1, 2), 2.3669),
    ((50, 2.49, -0.001), (50, -2.49, 0.0009), 7.1792),
    ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
    ((50, -0.001, 2.49), (50, 0.0011, -2.49), 4.7461),
    ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
    ((50, 2.5, 0), (73, 25, -18), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
    ((90.8027, -2.0831, 1.441), (91.1528, -1.6435, 0.0447), 1.4441),
    ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("one", "other", "expected"), SHARMA)
def test_the_published_pairs_come_out(
    one: tuple[float, ...], other: tuple[float, ...], expected: float
) -> None:
    """To the four digits that are printed, in both directions."""
    assert float(difference(np.array(one), np.array(other))) == pytest.approx(expected, abs=1e-4)
    assert float(difference(np.array(other), np.array(one))) == pytest.approx(expected, abs=1e-4)


def test_lab_and_difference_agree_with_another_implementation() -> None:
    """On 200 random sRGB pairs."""
    pairs = np.random.default_rng(3).integers(0, 256, (200, 2, 3)).astype(np.uint8)
    ours = difference(lab_of(pairs[:, 0]), lab_of(pairs[:, 1]))
    for (one, other), seen in zip(pairs, ours, strict=True):
        left, right = (Color("srgb", [int(v) / 255 for v in each]) for each in (one, other))
        expected = left.convert("lab-d65").delta_e(
            right.convert("lab-d65"), method="2000", space="lab-d65"
        )
        assert float(seen) == pytest.approx(expected, abs=1e-3)


def test_bins_hold_every_pixel_once() -> None:
    """The shares of a picture sum to 1, and one colour is one bin."""
    noise = np.random.default_rng(1).integers(0, 256, (40, 40, 3)).astype(np.uint8)
    assert float(share_bins(bins_of(Image.fromarray(noise))).sum()) == pytest.approx(1)
    plain = share_bins(bins_of(Image.new("RGB", (8, 8), "#14707A")))
    assert (plain.shape, int((plain > 0).sum())) == ((BIN_COUNT,), 1)


def test_the_palette_share_counts_tints_and_leaves_other_colours() -> None:
    """Half green, half red: half of it is the green brand's."""
    halves = Image.new("RGB", (96, 96), "#104436")
    halves.paste("#C02020", (48, 0, 96, 96))
    brand = {"leaf": "#0B3D2E", "sun": "#F2B705"}
    found = measure_palette(halves, brand, 15)
    assert found.near == pytest.approx(0.5, abs=0.02)
    assert found.shares == {"leaf": pytest.approx(0.5, abs=0.02), "sun": 0}
    assert found.nearest["leaf"] < 5 < 30 < found.nearest["sun"]
    assert measure_palette(halves, {**brand, "sun": "#BB2222"}, 15).near == 1.0


def test_a_speck_of_a_colour_is_not_there() -> None:
    """A pixel in ten thousand says nothing of a brand."""
    plain = Image.new("RGB", (960, 960), "#104436")
    speckled = plain.copy()
    speckled.paste("#F2B705", (0, 0, 9, 9))
    brand = {"sun": "#F2B705"}
    found, without = (measure_palette(image, brand, 15) for image in (speckled, plain))
    assert found.shares["sun"] == pytest.approx(0.0001, abs=0.00005)
    assert found.nearest == without.nearest
