"""Orders turned into pictures."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from nbp_dagster.simulator.faults import PICTURE_FAULTS
from nbp_dagster.simulator.painting.paint_worker import (
    Brush,
    InlinePicture,
    PaintOrder,
    StoredPicture,
    UnknownPicture,
    decode_data_uri,
    paint_order,
)
from nbp_dagster.simulator.painting.painter import FAULTS
from nbp_dagster.simulator.painting.picture_folder import PictureFolder
from nbp_dagster.simulator.painting.sizes import pixel_size
from tests.fakes.painter import paint_plainly


def order(**changes: Any) -> PaintOrder:
    fields: dict[str, Any] = {
        "prompt": "a cup",
        "references": (),
        "ratio": "1:1",
        "resolution": "1K",
        "variant": 0,
    }
    return PaintOrder(**{**fields, **changes})


def paint(wanted: PaintOrder) -> bytes:
    return paint_order(wanted, Brush(painter=paint_plainly))


def size_of(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def png(width: int, height: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(stream, "PNG")
    return stream.getvalue()


def test_the_same_order_gives_the_same_bytes() -> None:
    assert paint(order()) == paint(order())


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "a jug"},
        {"variant": 1},
        {"references": (UnknownPicture("https://example.com/a.png"),)},
    ],
)
def test_whatever_decides_a_picture_changes_it(change: dict[str, Any]) -> None:
    assert paint(order(**change)) != paint(order())


def test_unknown_urls_stand_for_different_figures() -> None:
    first = order(references=(UnknownPicture("https://example.com/a.png"),))
    second = order(references=(UnknownPicture("https://example.com/b.png"),))

    assert paint(first) != paint(second)


def test_auto_follows_the_first_reference(tmp_path: Path) -> None:
    path = tmp_path / "tall"
    path.write_bytes(png(90, 160))

    assert size_of(paint(order(ratio="auto", references=(StoredPicture(path),)))) == (768, 1376)


def test_auto_without_a_reference_is_16_to_9() -> None:
    assert size_of(paint(order(ratio="auto"))) == (1376, 768)


def test_a_data_uri_counts_like_the_stored_picture(tmp_path: Path) -> None:
    data = png(20, 20)
    stored, inline = tmp_path / "stored", tmp_path / "inline"
    stored.write_bytes(data)
    inline.write_text("data:image/png;base64," + base64.b64encode(data).decode(), "utf-8")

    assert paint(order(references=(InlinePicture(inline),))) == paint(
        order(references=(StoredPicture(stored),))
    )


def test_a_result_can_be_the_reference_of_another() -> None:
    assert paint(order(references=(order(prompt="a sheet"),))) != paint(
        order(references=(order(prompt="another sheet"),))
    )


def test_a_picture_of_the_wrong_size_is_smaller() -> None:
    assert size_of(paint(order(wrong_size=True))) == (960, 960)


def test_the_simulators_own_painter_knows_takes_and_flaws() -> None:
    plain = paint_order(order(resolution="512"))

    assert paint_order(order(resolution="512")) == plain
    assert paint_order(order(resolution="512", variant=1)) != plain
    assert paint_order(order(resolution="512", flaws=("off_palette",))) != plain


@pytest.mark.parametrize("resolution", ["1K", "2K"])
def test_a_jpeg_has_the_native_size_and_equal_orders_give_equal_bytes(resolution: str) -> None:
    wanted = order(ratio="16:9", resolution=resolution)
    jpeg = paint_order(wanted, Brush(file_type="jpeg"))
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        assert image.size == pixel_size("16:9", resolution)
    assert paint_order(wanted, Brush(file_type="jpeg")) == jpeg


def test_pictures_of_a_folder_are_sent_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(png(64, 64))
    brush = Brush(pictures=PictureFolder.open(tmp_path))
    assert paint_order(order(), brush) == png(64, 64)
    assert paint_order(order(references=(order(prompt="a sheet"),)), brush) == png(64, 64)


def test_plain_pictures_are_one_picture_a_size_in_files_that_differ() -> None:
    cup, jug = (paint_order(order(prompt=words), Brush(plain=True)) for words in ("a cup", "a jug"))

    assert cup != jug
    assert paint_order(order(variant=1), Brush(plain=True)) != cup
    assert paint_order(order(), Brush(plain=True)) == cup
    with Image.open(io.BytesIO(cup)) as first, Image.open(io.BytesIO(jug)) as second:
        assert first.size == (1024, 1024)
        assert first.tobytes() == second.tobytes()
        assert len(first.getcolors(1 << 20) or ()) > 8


@pytest.mark.parametrize(("ratio", "resolution"), [("9:16", "1K"), ("1:1", "4K")])
def test_a_plain_picture_has_the_size_asked_for(ratio: str, resolution: str) -> None:
    wanted = order(ratio=ratio, resolution=resolution)

    assert size_of(paint_order(wanted, Brush(plain=True))) == pixel_size(ratio, resolution)


def test_every_flaw_of_the_painter_can_be_scripted() -> None:
    assert {kind.replace("_", "-") for kind in PICTURE_FAULTS} == FAULTS


@pytest.mark.parametrize("uri", ["data:image/png,abc", "data:image/png;base64,###", "data:"])
def test_a_broken_data_uri_is_refused(uri: str) -> None:
    with pytest.raises(ValueError):
        decode_data_uri(uri)
