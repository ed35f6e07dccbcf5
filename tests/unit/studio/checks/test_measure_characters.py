"""Each fault of the painter makes exactly its check fail; what can't be measured is skipped."""

import base64
import logging
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter

from nbp_dagster.assets.metadata import describe_renditions
from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.briefs.models import Brand
from nbp_dagster.briefs.vocabulary import CorrectableCheck, WarningCheck
from nbp_dagster.prompts.request import Sheet
from nbp_dagster.simulator.painting.painter import encode_png, paint
from nbp_dagster.studio.checks.character_checks import CHARACTER_CHECKS
from nbp_dagster.studio.checks.characters.calibration import Calibrations, TooFewViews
from nbp_dagster.studio.checks.edits.edit_checks import EDIT_CHECKS
from nbp_dagster.studio.checks.measure_characters import Measured, Measurer, Measuring
from nbp_dagster.studio.checks.ocr.ocr_checks import OCR_CHECKS
from nbp_dagster.studio.checks.original_checks import ORIGINAL_CHECKS
from nbp_dagster.studio.checks.rendition_checks import RENDITION_CHECKS
from nbp_dagster.studio.checks.set_checks import SET_CHECKS
from nbp_dagster.studio.manifest.manifest import CheckFacts
from nbp_dagster.studio.manifest.records import PromptRecord
from nbp_dagster.studio.options import ScorerName
from nbp_dagster.studio.storage.documents import DocumentFolder
from nbp_dagster.studio.vision.embedding import embed_face
from nbp_dagster.studio.vision.faces import find_faces
from tests.rigs.drawn_faces import draw_face

CONFIG = Path(__file__).parents[4] / "assets_config"


@cache
def brand() -> Brand:
    """The sample brand with the mascot of three references."""
    return load_briefs(CONFIG).brands["pennyway"]


@cache
def references() -> Mapping[str, bytes]:
    """Pip's references, by a stand-in for their digest."""
    folder = CONFIG / "brands" / "images"
    return {name: (folder / f"pip_{name}.png").read_bytes() for name in ("front", "waving", "face")}


def sheet(*names: str) -> dict[str, Sheet]:
    """Pip's sheet, as adopted."""
    digests = names or tuple(references())
    row = Sheet(key="pennyway/pip", digests=digests, sources=digests, origin="adopted")
    return {row.key: row}


@cache
def picture(fault: str = "", width: int = 768, height: int = 768) -> Image.Image:
    """Pip at his shop, as the painter draws him from his references."""
    prompt = (
        "Flat vector illustration. Palette: #14707A, #FFC53D, #EE7B30, #FFF1DD, #4A2A22.\n"
        "RenderContext: Pip waves from the door of a shop in a sunny street.\n"
        "Image 1 is the character PIP: identity only.\nImage 2 is the character PIP: identity only."
    )
    faults = frozenset([fault] if fault else [])
    sent = [references()["front"], references()["waving"]]
    return paint(prompt, sent, width=width, height=height, faults=faults)


def measurer(tmp_path: Path, measuring: Measuring | None = None) -> Measurer:
    return Measurer(
        measuring or Measuring(),
        calibrations=Calibrations(DocumentFolder(tmp_path)),
        read=lambda _, digest: references()[digest],
    )


def measure(work: Measurer, image: Image.Image, owner: Brand | None = None) -> Measured:
    return work.measure(
        owner or brand(), sheet(), prompt_key="p/s/all/1x1/v1", cast=["pip"], picture=image
    )


def failed(found: Measured) -> set[str]:
    return {check.name for check in found.checks if check.verdict == "failed"}


def check_of(found: Measured, name: str) -> CheckFacts:
    return next(check for check in found.checks if check.name == name)


def test_the_right_reference_gives_a_high_score(tmp_path: Path) -> None:
    """And no check fails."""
    found = measure(measurer(tmp_path), picture())
    assert failed(found) == set()
    assert found.likenesses[0].score > 0.8
    assert found.likenesses[0].is_like


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("other-character", "cross_similarity"),
        ("missing-character", "cross_similarity"),
        ("copy-paste", "copy_paste_rate"),
    ],
)
def test_each_fault_fails_exactly_its_check(tmp_path: Path, fault: str, check: str) -> None:
    """Nothing else is blamed for it."""
    assert failed(measure(measurer(tmp_path), picture(fault))) == {check}


def test_a_missing_extra_is_skipped_with_how_to_install_it(tmp_path: Path) -> None:
    """Never passed; what needs no scorer is still checked."""
    work = measurer(tmp_path, Measuring("dino", tmp_path / "absent.onnx"))
    found = measure(work, picture("copy-paste"))
    likeness = check_of(found, "cross_similarity")
    assert likeness.verdict == "skipped"
    assert "absent.onnx" in likeness.sentence or "nbp-dagster[character]" in likeness.sentence
    assert found.likenesses == ()
    assert failed(found) == {"copy_paste_rate"}


def test_a_check_blocks_where_the_brand_says_so_and_only_once_calibrated(tmp_path: Path) -> None:
    """Before, it warns and says that its threshold is a default."""
    strict = brand().model_copy(update={"blocking_checks": ("cross_similarity",)})
    work = measurer(tmp_path)
    before = check_of(measure(work, picture("missing-character"), strict), "cross_similarity")
    assert (before.severity, "not calibrated" in before.threshold) == ("warn", True)
    stamp = work.stamp(strict, sheet(), ["pip"])

    calibration, _ = work.calibrate(strict, sheet())

    after = check_of(measure(work, picture("missing-character"), strict), "cross_similarity")
    assert (after.verdict, after.severity) == ("failed", "error")
    assert f"{calibration.cross:.2f}" in after.threshold
    assert work.stamp(strict, sheet(), ["pip"]) != stamp


def test_the_stamp_changes_with_sheet_and_scorer_and_is_empty_when_off(tmp_path: Path) -> None:
    """Equal stamps mean that nothing has to be measured again."""
    work = measurer(tmp_path)
    assert work.stamp(brand(), sheet(), ["pip"]) == work.stamp(brand(), sheet(), ["pip"])
    assert work.stamp(brand(), sheet(), ["pip"]) != work.stamp(brand(), sheet("front"), ["pip"])
    assert measurer(tmp_path, Measuring("off")).stamp(brand(), sheet(), ["pip"]) == ""


def test_a_reference_that_cannot_be_read_skips_and_breaks_nothing(tmp_path: Path) -> None:
    """The picture is paid and kept all the same."""
    work = Measurer(
        Measuring(),
        calibrations=Calibrations(DocumentFolder(tmp_path)),
        read=lambda *_: b"not a picture",
    )
    likeness = check_of(measure(work, picture()), "cross_similarity")
    assert (likeness.verdict, likeness.sentence) == ("skipped", "there is no sheet of pip")


def test_somebody_else_of_the_brand_is_noticed(tmp_path: Path) -> None:
    """The shot has nobody; Pip is there."""
    other = Image.new("RGB", (300, 300), "white")
    other.paste("#6C3483", (90, 30, 210, 280))
    everybody = {**references(), "bo": encode_png(other)}
    work = Measurer(
        Measuring(),
        calibrations=Calibrations(DocumentFolder(tmp_path)),
        read=lambda _, digest: everybody[digest],
    )
    cast = brand().model_copy(
        update={"characters": {**brand().characters, "bo": brand().characters["pip"]}}
    )
    sheets = sheet() | {
        "pennyway/bo": Sheet(key="pennyway/bo", digests=("bo",), sources=("bo",), origin="adopted")
    }
    found = work.measure(cast, sheets, prompt_key="p", cast=["bo"], picture=picture())
    count = check_of(found, "cast_count")
    assert (count.verdict, count.sentence) == ("failed", "not of this shot: pip")


def portrait_measurer(tmp_path: Path, scorer: ScorerName) -> Measurer:
    """Pip has a face: one image, from the front."""
    return Measurer(
        Measuring(scorer),
        calibrations=Calibrations(DocumentFolder(tmp_path)),
        read=lambda *_: encode_png(draw_face(600)),
    )


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="the extra is not installed")
@pytest.mark.parametrize(("scorer", "path"), [("dino", "face"), ("body", "body")])
def test_a_setting_leaves_faces_out(tmp_path: Path, scorer: ScorerName, path: str) -> None:
    found = portrait_measurer(tmp_path, scorer).measure(
        brand(), sheet("face"), prompt_key="p", cast=["pip"], picture=draw_face(600)
    )
    assert [row.path for row in found.likenesses] == [path]
    assert (found.likenesses[0].distance is None) == (path == "body")


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="the extra is not installed")
def test_no_embedding_of_a_face_is_kept_or_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in records, from which manifests and events are made, nor calibrations, stamps, logs.

    Embeddings of a reference's and of a picture's face are the same here, and looked for as numbers
    and as bytes. What is kept of a face is one distance.
    """
    caplog.set_level(logging.DEBUG)
    work = portrait_measurer(tmp_path, "dino")
    shown = draw_face(600)
    found = work.measure(brand(), sheet("face"), prompt_key="p", cast=["pip"], picture=shown)
    [row] = found.likenesses
    assert (row.path, row.answer) == ("face", "same")
    with pytest.raises(TooFewViews) as refused:
        work.calibrate(brand(), sheet("face"))
    stamp = work.stamp(brand(), sheet("face"), ["pip"])
    record = PromptRecord(
        prompt_key="p", fingerprint="f", recipe="r", pictures=(), preview="",
        checks=found.checks, likenesses=found.likenesses, measured=stamp,
    )  # fmt: skip
    kept = TypeAdapter(PromptRecord).dump_json(record).decode()
    told = f"{kept}\n{describe_renditions(record)}\n{caplog.text}\n{refused.value}\n{stamp}"
    embedding = embed_face(shown, find_faces(shown, least=0.65)[0])
    numbers = [f"{abs(value):.4f}" for value in embedding if abs(value) >= 0.05]
    assert len(numbers) > 40
    assert not [number for number in numbers if number in told]
    trace = base64.b64decode(row.trace)
    for kind in (np.float16, np.float32, np.float64):
        assert embedding.astype(kind).tobytes()[:16] not in trace
    assert trace == portrait_trace_without_faces(tmp_path)


def portrait_trace_without_faces(tmp_path: Path) -> bytes:
    found = portrait_measurer(tmp_path, "body").measure(
        brand(), sheet("face"), prompt_key="p", cast=["pip"], picture=draw_face(600)
    )
    return base64.b64decode(found.likenesses[0].trace)


def test_brands_may_promote_only_checks_that_exist() -> None:
    """The briefs' list is held against the tables."""
    tables = (
        *RENDITION_CHECKS,
        *ORIGINAL_CHECKS,
        *CHARACTER_CHECKS,
        *OCR_CHECKS,
        *EDIT_CHECKS,
        *SET_CHECKS,
    )
    known = {check.name for check in tables}
    assert set(WarningCheck.__args__) <= known  # type: ignore[attr-defined]


def test_campaigns_may_correct_only_what_is_checked_on_originals() -> None:
    known = {
        check.name for check in (*ORIGINAL_CHECKS, *CHARACTER_CHECKS, *OCR_CHECKS, *EDIT_CHECKS)
    }
    assert set(CorrectableCheck.__args__) <= known  # type: ignore[attr-defined]
