"""The models that come with the extra `ocr`, and what they make of a picture."""

import hashlib
import socket
from concurrent.futures import ThreadPoolExecutor

import fontpkg_inter
import pytest
from PIL import Image, ImageDraw, ImageFont

pytest.importorskip("rapidocr", reason='needs pip install "nbp-dagster[ocr]"')

from nbp_dagster.studio.checks.ocr.ocr_engine import (
    DETECTOR,
    RECOGNISER,
    find_models,
    identify_engine,
    load_engine,
)

# MODEL_LICENSES.md of rapidocr 3.10: Apache-2.0, converted from PaddleOCR's.
SHA256 = {
    DETECTOR: "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    RECOGNISER: "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}


def draw(*texts: str) -> Image.Image:
    """Dark lettering on paper, one line below the other."""
    image = Image.new("RGB", (480, 120 * len(texts)), "#F7F3EA")
    font = ImageFont.truetype(str(fontpkg_inter.ROOT / "files" / "Inter[opsz,wght].ttf"), 44)
    for row, text in enumerate(texts):
        ImageDraw.Draw(image).text((30, 120 * row + 30), text, font=font, fill="#0B3D2E")
    return image


def test_the_models_are_those_whose_licence_was_read() -> None:
    for path in find_models():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == SHA256[path.name]
        assert SHA256[path.name][:12] in identify_engine()


def test_the_alphabet_is_that_of_the_recogniser() -> None:
    alphabet = load_engine().alphabet
    assert set("azAZ09éßñ€あ日") <= alphabet
    assert not set("яй한ا") & alphabet


def test_lines_come_with_boxes_and_scores_and_without_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the reader went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    first, second = load_engine().read(draw("Slow mornings", "Chrismtas"))
    assert (first.text, second.text) == ("Slow mornings", "Chrismtas")
    assert first.score > 0.9
    assert 0 < first.left < first.right < 1
    assert first.bottom <= 0.5 <= second.top


def test_an_empty_picture_has_no_lines() -> None:
    assert load_engine().read(Image.new("RGB", (320, 320), "#808080")) == ()


def test_threads_share_one_reader() -> None:
    with ThreadPoolExecutor(3) as pool:
        readers = list(pool.map(lambda _: load_engine(), range(3)))
        pictures = [draw("Try it", "now"), draw("House blend", "today")]
        found = list(pool.map(readers[0].read, pictures))
    assert len({id(reader) for reader in readers}) == 1
    assert [lines[0].text for lines in found] == ["Try it", "House blend"]


def test_lettering_is_located_without_being_read_and_read_afterwards_as_ever() -> None:
    engine, picture = load_engine(), draw("Slow mornings", "Chrismtas")
    before = engine.read(picture)
    boxes = engine.locate(picture)

    assert len(boxes) == 2
    assert sorted((box[1], box[3]) for box in boxes) == sorted(
        (line.top, line.bottom) for line in before
    )
    assert engine.read(picture) == before
    assert engine.locate(Image.new("RGB", (300, 200), "white")) == ()
