"""Delivered names follow the brand's pattern, and no two pictures share one."""

from dataclasses import replace

import pytest

from nbp_dagster.briefs.vocabulary import DEFAULT_FILE_NAMES
from nbp_dagster.studio.delivery.file_names import FileNameError, name_pictures
from nbp_dagster.studio.manifest.manifest import SetManifest
from tests.rigs.sets import build_set

WHERE = "brands/solstice.yaml:3"


@pytest.fixture(scope="module")
def manifest() -> SetManifest:
    return build_set(scale=0.05, shots=("kitchen", "market")).manifest


def test_the_default_names_brand_campaign_shot_channel_locale_and_variant(
    manifest: SetManifest,
) -> None:
    names = name_pictures(manifest, DEFAULT_FILE_NAMES, where=WHERE)

    first = manifest.pictures[0]
    assert names[first.file] == (
        "images/instagram_feed/solstice_spring_launch_kitchen_instagram_feed_en_v1.jpg"
    )
    assert len(set(names.values())) == len(manifest.pictures)


def test_every_field_can_be_in_a_name(manifest: SetManifest) -> None:
    pattern = "{ratio}-{width}x{height}.{variant}_{shot}_{channel}_{locale}"

    names = name_pictures(manifest, pattern, where=WHERE)

    assert names[manifest.pictures[0].file] == (
        "images/instagram_feed/4x5-1080x1350.1_kitchen_instagram_feed_en.jpg"
    )


def test_two_pictures_of_one_name_are_told_with_the_pattern_s_line(manifest: SetManifest) -> None:
    with pytest.raises(FileNameError) as caught:
        name_pictures(manifest, "{shot}_{channel}", where=WHERE)

    words = str(caught.value)
    assert words.startswith("brands/solstice.yaml:3: file_names: '{shot}_{channel}' - gives ")
    assert "kitchen/en/4x5/v1 on instagram_feed" in words
    assert "kitchen/de/4x5/v1 on instagram_feed" in words


def test_names_that_differ_in_case_alone_are_one_name_elsewhere(manifest: SetManifest) -> None:
    rows = manifest.pictures[:2]
    shouted = replace(rows[1], locale="EN", file=rows[1].file.replace("_de_", "_EN_"))

    with pytest.raises(FileNameError, match="one name"):
        name_pictures(
            replace(manifest, pictures=(rows[0], shouted)), DEFAULT_FILE_NAMES, where=WHERE
        )


def test_a_name_that_is_too_long_is_told_with_its_length(manifest: SetManifest) -> None:
    pattern = "{shot}_{channel}_{locale}_" + "x" * 230

    with pytest.raises(FileNameError, match=r"a name of \d+ characters, .*at most 255"):
        name_pictures(manifest, pattern, where=WHERE)
