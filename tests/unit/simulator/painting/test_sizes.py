"""Picture sizes by ratio and resolution."""

import pytest

from nbp_dagster.simulator.painting.sizes import nearest_ratio, pixel_size


@pytest.mark.parametrize(
    ("ratio", "resolution", "size"),
    [
        ("1:1", "1K", (1024, 1024)),
        ("4:5", "2K", (1856, 2304)),
        ("21:9", "4K", (6336, 2688)),
        ("9:16", "4K", (3072, 5504)),
        ("16:9", "512", (688, 384)),
        ("8:1", "2K", (6144, 768)),
        ("1:4", "1K", (512, 2048)),
    ],
)
def test_sizes_follow_the_table_exactly(ratio: str, resolution: str, size: tuple[int, int]) -> None:
    assert pixel_size(ratio, resolution) == size


def test_a_ratio_outside_the_table_counts_as_16_to_9() -> None:
    assert pixel_size("auto", "1K") == (1376, 768)


@pytest.mark.parametrize(
    ("width", "height", "ratio"),
    [
        (500, 500, "1:1"),
        (1080, 1920, "9:16"),
        (1000, 1260, "4:5"),
        (3000, 1000, "21:9"),
        (728, 90, "8:1"),
        (160, 600, "1:4"),
    ],
)
def test_auto_takes_the_closest_ratio(width: int, height: int, ratio: str) -> None:
    assert nearest_ratio(width, height) == ratio
