"""Any picture handed in is named, doubted or refused."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from sqlalchemy.engine import Engine

from nbp_dagster.cli.identify_table import describe_identity
from nbp_dagster.clock import SystemClock
from nbp_dagster.studio.imaging.encode import encode_picture, srgb_profile
from nbp_dagster.studio.imaging.xmp import Marks, build_xmp
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import KeptImage
from nbp_dagster.studio.ledger.purchases import JobTimes
from nbp_dagster.studio.provenance.descriptors import describe_picture
from nbp_dagster.studio.provenance.identify import identify, identify_files
from nbp_dagster.studio.provenance.picture_index import KnownPicture, PictureIndex
from nbp_dagster.studio.storage.image_store import FolderStore
from tests.rigs.copies import JOURNEYS, draw_any, draw_cloud, send
from tests.rigs.pictures import broken_pictures, encode
from tests.rigs.workbench import order

ORDER = order(1)
KEY = ORDER.key
MARKS = Marks(
    simulated=False,
    model="google-nano-banana-pro",
    generation_id="gen_1",
    brand="hilltop",
    campaign="spring",
    prompt_key=KEY,
    fingerprint=ORDER.request.fingerprint,
    made_at=1_760_000_000.0,
)
PICTURE = draw_any(3)


def write(image: Image.Image, marks: Marks | None = MARKS) -> bytes:
    xmp = None if marks is None else build_xmp(marks)
    encoded = encode_picture(
        image, file_type="jpeg", max_bytes=2_000_000, icc=srgb_profile(), xmp=xmp
    )
    assert encoded is not None
    return encoded.data


def known(image: Image.Image, data: bytes, **changes: object) -> KnownPicture:
    picture = KnownPicture(
        sha256=hashlib.sha256(data).hexdigest(),
        prompt_key=KEY,
        brand="hilltop",
        campaign="spring",
        channel="square",
        locale="en",
        width=image.width,
        height=image.height,
        model=MARKS.model,
        provider="oxen",
        fingerprint=MARKS.fingerprint,
        generation_id="gen_1",
        made_at=MARKS.made_at,
        sketch=describe_picture(image),
    )
    return replace(picture, **changes)  # type: ignore[arg-type]


def fill(engine: Engine, *, others: int) -> PictureIndex:
    """One bought picture, and some of other prompts."""
    ledger = Ledger(engine, clock=SystemClock())
    bought = ledger.claim(ORDER, owner="me", run_id="run 7", request={})
    bought = ledger.record_enqueued(bought, "gen_1")
    image = KeptImage("e" * 64, width=8, height=8, file_type="png", bytes=8)
    ledger.settle(bought, image=image, times=JobTimes(None, None, None))
    index = PictureIndex(engine)
    index.add([known(PICTURE, write(PICTURE))])
    for number in range(10, 10 + others):
        other = draw_any(number)
        changes = {"prompt_key": f"spring/other{number}", "generation_id": f"gen_{number}"}
        index.add([known(other, f"other {number}".encode(), **changes)])
    return index


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "ledger.sqlite"
    engine = open_ledger(path)
    fill(engine, others=20)
    engine.dispose()
    return path


@pytest.fixture
def index(filled: Path, tmp_path: Path) -> Iterator[PictureIndex]:
    """A copy of the index above, to write into."""
    engine = open_ledger(shutil.copy(filled, tmp_path / "ledger.sqlite"))
    yield PictureIndex(engine)
    engine.dispose()


def test_either_database_holds_a_registry(ledger_url: str) -> None:
    engine = open_ledger(ledger_url)
    index = fill(engine, others=2)

    exact = identify(write(PICTURE), index, name="a.jpg")
    alike = identify(encode(draw_any(10)), index, name="b.png")

    engine.dispose()
    assert (exact.found_by, alike.found_by) == ("bytes", "looks")
    assert exact.match is not None
    assert exact.match.picture == known(PICTURE, write(PICTURE))
    assert alike.match is not None
    assert alike.match.picture.prompt_key == "spring/other10"


def test_the_file_itself_is_known_by_its_bytes(index: PictureIndex) -> None:
    found = identify(write(PICTURE), index, name="a.jpg")

    assert found.found_by == "bytes"
    assert found.match is not None
    assert (found.match.picture.prompt_key, found.match.picture.channel) == (KEY, "square")
    assert found.bill is not None
    assert (str(found.bill.price_usd), found.bill.run_id) == ("0.15", "run 7")


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
def test_a_stripped_copy_is_known_by_its_looks(index: PictureIndex, journey: object) -> None:
    copy = send(PICTURE, journey)  # type: ignore[arg-type]

    found = identify(encode(copy, "PNG"), index, name="a.png")

    assert found.found_by == "looks"
    assert found.match is not None
    assert found.match.picture.prompt_key == KEY
    assert found.others == ()


def test_marks_are_believed_where_the_picture_looks_like_it(index: PictureIndex) -> None:
    found = identify(write(PICTURE.resize((300, 157))), index, name="a.jpg")

    assert found.found_by == "marks"
    assert found.claims == {}
    assert found.match is not None
    assert found.match.picture.prompt_key == KEY


def test_marks_on_another_picture_are_claims(index: PictureIndex) -> None:
    stranger = draw_cloud(99, 540, 675)

    copied = identify(write(stranger), index, name="a.jpg")
    made_up = identify(write(stranger, replace(MARKS, fingerprint="c" * 64)), index, name="b")

    assert copied.found_by is None
    assert copied.claims["PromptKey"] == KEY
    assert copied.problem == "it looks unlike every picture of the prompt its marks name"
    assert made_up.problem == "no such picture was made here"
    [line, claims] = describe_identity(made_up)
    assert line == "b: no such picture was made here"
    assert claims.startswith("  claims      unproven")


def test_marks_of_one_picture_on_a_copy_of_another_do_not_hide_it(index: PictureIndex) -> None:
    other = draw_any(11)
    wrong = replace(MARKS, generation_id="gen_9")

    found = identify(write(other, wrong), index, name="a.jpg")

    assert found.found_by == "looks"
    assert found.match is not None
    assert found.match.picture.prompt_key == "spring/other11"
    assert found.claims["GenerationId"] == "gen_9"


def test_pictures_that_fit_as_well_are_named(index: PictureIndex) -> None:
    index.add([known(PICTURE, b"again", locale="de")])

    found = identify(encode(PICTURE), index, name="a.png")

    assert [other.picture.locale for other in found.others] == ["de"]
    lines = list(describe_identity(found))
    assert lines[0] == f"a.png: {KEY}"
    assert f"  fits as well {KEY}: square, de, {PICTURE.width}x{PICTURE.height}" in lines


def lettered(text: str) -> Image.Image:
    """One scene, with other words in the same place."""
    image = PICTURE.copy()
    pen = ImageDraw.Draw(image)
    pen.rectangle((20, 20, image.width - 20, 70), fill=(250, 250, 245))
    pen.text((30, 24), text, fill=(10, 20, 30), font_size=36)
    return image


@pytest.fixture
def both(index: PictureIndex, tmp_path: Path) -> tuple[PictureIndex, FolderStore]:
    """One shot in two locales, and the store with both."""
    store = FolderStore(tmp_path / "store")
    for locale, text in (("en", "Slow mornings win"), ("de", "Langsame Morgen siegen")):
        image = lettered(text)
        data = write(image, None)
        store.put(data)
        index.add([known(image, data, locale=locale, prompt_key=f"spring/words/{locale}")])
    return index, store


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
@pytest.mark.parametrize(
    ("locale", "text"), [("en", "Slow mornings win"), ("de", "Langsame Morgen siegen")]
)
def test_the_words_on_a_copy_tell_one_locale_from_another(
    both: tuple[PictureIndex, FolderStore], journey: object, locale: str, text: str
) -> None:
    index, store = both
    copy = encode(send(lettered(text), journey), "PNG")  # type: ignore[arg-type]

    found = identify(copy, index, name="a.png", store=store)

    assert found.match is not None
    assert found.match.picture.prompt_key == f"spring/words/{locale}"
    assert "spring/words" not in {item.picture.prompt_key[:-3] for item in found.others}


def test_the_same_scene_in_other_colours_has_no_match(
    both: tuple[PictureIndex, FolderStore],
) -> None:
    index, store = both
    red, green, blue = lettered("Slow mornings win").split()
    near = Image.merge("RGB", (red.point(lambda level: min(255, level + 36)), green, blue))

    from_afar = identify(encode(near), index, name="a.png")
    by_pixels = identify(encode(near), index, name="a.png", store=store)

    assert from_afar.match is not None
    # What has no file in the store can't be ruled out.
    assert by_pixels.match is None or by_pixels.match.difference is None


def test_what_is_not_in_the_store_goes_by_its_descriptor(
    index: PictureIndex, tmp_path: Path
) -> None:
    empty = FolderStore(tmp_path / "store")
    found = identify(encode(PICTURE), index, name="a.png", store=empty)
    assert found.match is not None
    assert found.match.picture.prompt_key == KEY
    [_, line, *_] = describe_identity(found)
    assert line.endswith("by its descriptor, as the store does not hold it")


def test_a_picture_made_elsewhere_has_no_match(index: PictureIndex) -> None:
    found = identify(encode(draw_cloud(1234, 540, 675)), index, name="a.png")

    assert (found.match, found.claims, found.problem) == (None, {}, "")
    assert list(describe_identity(found)) == ["a.png: not a picture of this ledger"]


def test_what_was_written_once_is_not_written_again(index: PictureIndex) -> None:
    before = index.count()
    index.add([known(PICTURE, write(PICTURE)), known(PICTURE, b"signed anew")])
    index.add([known(PICTURE, b"signed anew")])
    assert index.count() == before + 1
    found = identify(encode(PICTURE), index, name="a.png")
    assert found.others == (), "two files of one picture are one picture"


def test_the_same_bytes_may_be_of_several_prompts(index: PictureIndex) -> None:
    index.add([known(PICTURE, write(PICTURE), prompt_key="spring/copy")])
    found = identify(write(PICTURE), index, name="a.jpg")
    assert [other.picture.prompt_key for other in found.others] == ["spring/copy"]


def test_everything_known_is_in_the_json(index: PictureIndex) -> None:
    found = json.loads(json.dumps(identify(write(PICTURE), index, name="a.jpg").to_json()))
    assert found["prompt_key"] == KEY
    assert found["made_at"] == "2025-10-09T08:53:20+00:00"
    assert found["price_usd"] == "0.15"
    assert found["simulated"] is False
    assert (found["found_by"], found["likeness"], found["run_id"]) == ("bytes", 1.0, "run 7")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> PictureIndex:
    return PictureIndex(open_ledger(tmp_path_factory.mktemp("pictures") / "ledger.sqlite"))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", broken_pictures())
def test_what_is_no_picture_is_one_line(empty: PictureIndex, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "handed in.jpg"
    path.write_bytes(broken_pictures()[kind]())

    [found] = identify_files([path], empty)

    [line] = describe_identity(found)
    assert line.startswith(f"{path}: not a usable picture: ")
    assert "\n" not in line


def test_what_can_not_be_read_does_not_stop_the_rest(empty: PictureIndex, tmp_path: Path) -> None:
    good = tmp_path / "good.png"
    good.write_bytes(encode(draw_any(1)))

    found = list(identify_files([tmp_path / "nowhere.png", tmp_path, good], empty))

    assert [item.problem for item in found] == [
        "can't be read: No such file or directory",
        "not a usable picture: not a file",
        "",
    ]
