"""What a reference's file says about itself makes no picture another one, and is not sent."""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import ExifTags, Image

from nbp_dagster.cli.openings import open_studio
from nbp_dagster.prompts.request import ImageRequest
from nbp_dagster.prompts.sheet_views import hash_card, order_views
from nbp_dagster.studio.plan import plan_prompts
from tests.rigs.briefs import BRAND, campaign, shot, write_briefs
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.pictures import draw_scene, encode

IMAGES = ("ada.jpg", "ben_front.jpg", "ben_side.jpg", "logo.png")
SHOT = shot("kitchen", characters=["ada", "ben"])


def exif(camera: str) -> bytes:
    data = Image.Exif()
    data[ExifTags.Base.Make] = camera
    return data.tobytes()


def write_images(folder: Path, camera: str) -> None:
    for number, name in enumerate(IMAGES):
        kind = "JPEG" if name.endswith(".jpg") else "PNG"
        (folder / name).write_bytes(encode(draw_scene(64, 48 + number), kind, exif=exif(camera)))


@pytest.fixture
def images(location: CodeLocation) -> Path:
    """The folder of the references of a brand whose sheets are supplied: one image, and a card."""
    ada, ben = (
        {**character, "references": [name for name in IMAGES if name.startswith(key)]}
        for key, character in BRAND["characters"].items()
    )
    for character in (ada, ben):
        character.pop("auto_pin")
    brand = {**BRAND, "logo": "logo.png", "characters": {"ada": ada, "ben": ben}}
    write_briefs(location.settings.config, campaign(SHOT), brand=brand)
    folder = location.settings.config / "brands"
    write_images(folder, "FirstCam")
    return folder


def standing(location: CodeLocation) -> str:
    with open_studio(location.settings) as studio:
        [planned] = plan_prompts(studio, studio.prompts).images
        return planned.standing


def test_other_metadata_buys_nothing_again_and_none_is_sent(
    location: CodeLocation, images: Path
) -> None:
    assert location.materialize(PROMPT_ASSETS).success
    assert (location.service.bills, standing(location)) == (1, "made")

    write_images(images, "AnotherCam of another owner")

    assert standing(location) == "made"
    assert location.materialize(PROMPT_ASSETS).success
    assert location.service.bills == 1
    with open_studio(location.settings) as studio:
        [order] = studio.compile(studio.prompts).orders.values()
        sent = [
            studio.references.read(item.source, item.digest) for item in order.request.references
        ]
    assert sent
    assert not any(b"Cam" in data for data in sent)

    (images / "ada.jpg").write_bytes(encode(draw_scene(64, 90), "JPEG"))
    assert standing(location) == "to_make"


def write_other_formats(folder: Path, note: str) -> None:
    """Write a picture of every format that models do not take, with a note in it."""
    image, data = draw_scene(64, 48), exif(note)
    (folder / "ada.tif").write_bytes(encode(image, "TIFF", tiffinfo={270: note}))
    (folder / "ben_front.avif").write_bytes(encode(image, "AVIF", exif=data))
    (folder / "style.gif").write_bytes(encode(image, "GIF", comment=note))
    (folder / "ben_side.png").write_bytes(encode(image, "PNG", exif=data))
    (folder / "logo.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><desc>{note}</desc>'
        '<rect width="20" height="20" fill="#114477"/></svg>'
    )


@pytest.fixture
def other_formats(location: CodeLocation) -> Path:
    pytest.importorskip("resvg_py", reason="the extra svg is not installed")
    characters = {
        "ada": {**BRAND["characters"]["ada"], "references": ["ada.tif"]},
        "ben": {**BRAND["characters"]["ben"], "references": ["ben_front.avif", "ben_side.png"]},
    }
    for character in characters.values():
        character.pop("auto_pin")
    brand = {**BRAND, "logo": "logo.svg", "characters": characters}
    brand["style_references"] = ["style.gif"]
    write_briefs(location.settings.config, campaign(SHOT), brand=brand)
    folder = location.settings.config / "brands"
    write_other_formats(folder, "a first note")
    return folder


def test_a_note_in_a_picture_of_any_format_buys_nothing_again(
    location: CodeLocation, other_formats: Path
) -> None:
    assert location.materialize(PROMPT_ASSETS).success
    assert (location.service.bills, standing(location)) == (1, "made")

    write_other_formats(other_formats, "another note, longer than the first")

    assert standing(location) == "made"
    (other_formats / "ada.tif").write_bytes(encode(draw_scene(64, 90), "TIFF"))
    assert standing(location) == "to_make"


@pytest.mark.parametrize("age", [1, 2])
def test_what_was_paid_by_the_bytes_of_other_formats_stays_paid(
    location: CodeLocation, other_formats: Path, age: int
) -> None:
    """The PNG beside them was known without its metadata already (1), or as a whole (2)."""
    assert location.materialize(PROMPT_ASSETS).success
    with open_studio(location.settings) as studio:
        [order] = studio.compile(studio.prompts).orders.values()
        before = {source: file.former_sha256[age] for source, file in studio.briefs.files.items()}
    older = with_metadata(order.request, before)
    assert older.fingerprint != order.request.fingerprint
    with sqlite3.connect(location.settings.home / "ledger.sqlite") as ledger:
        ledger.execute("UPDATE purchases SET fingerprint = ?", (older.fingerprint,))

    assert standing(location) == "made"
    with open_studio(location.settings) as studio:
        [order] = studio.compile(studio.prompts).orders.values()
        assert order.request == older
        for item in order.request.references:
            assert b"first note" not in studio.references.read(item.source, item.digest)


def with_metadata(request: ImageRequest, whole: Mapping[str, str]) -> ImageRequest:
    """Return a request as it was compiled when files were identified with their metadata."""
    sides = [source for source in whole if "/ben_" in source]
    card = hash_card(order_views(sides, [whole[source] for source in sides]))
    digests = {**whole, "card:hilltop/ben": card}
    return replace(
        request,
        references=tuple(
            replace(item, digest=digests.get(item.source, item.digest))
            for item in request.references
        ),
    )


@pytest.mark.parametrize("state", ["made", "enqueued", "refused"])
def test_what_was_paid_with_metadata_in_its_fingerprint_stays_paid(
    location: CodeLocation, images: Path, state: str
) -> None:
    """So does what is at the service: its picture must not be bought beside it."""
    assert location.materialize(PROMPT_ASSETS).success
    with open_studio(location.settings) as studio:
        [order] = studio.compile(studio.prompts).orders.values()
        whole = {source: file.former_sha256[-1] for source, file in studio.briefs.files.items()}
    older = with_metadata(order.request, whole)
    assert older.fingerprint != order.request.fingerprint
    with sqlite3.connect(location.settings.home / "ledger.sqlite") as ledger:
        changed = ledger.execute(
            "UPDATE purchases SET fingerprint = ?, state = ?, image = iif(? = 'made', image, NULL)"
            " WHERE fingerprint = ?",
            (older.fingerprint, state, state, order.request.fingerprint),
        )
        assert changed.rowcount == 1

    assert standing(location) == {"enqueued": "open"}.get(state, state)
    with open_studio(location.settings) as studio:
        [order] = studio.compile(studio.prompts).orders.values()
        assert order.request == older
        for item in order.request.references:
            assert b"FirstCam" not in studio.references.read(item.source, item.digest)
