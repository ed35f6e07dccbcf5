"""Every file of a set says where it comes from: read by exiftool and by c2pa's own reader."""

import hashlib
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from PIL import Image
from pydantic import SecretStr

from nbp_dagster.assets.names import Names
from nbp_dagster.cli.home.places import open_store
from nbp_dagster.cli.openings import open_picture_index, open_studio
from nbp_dagster.prompts.render_context import render_context_of
from nbp_dagster.settings import Settings
from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from nbp_dagster.studio.imaging.xmp import read_marks
from nbp_dagster.studio.provenance.identify import identify_files
from tests.rigs.briefs import BRAND, campaign, shot
from tests.rigs.certificates import issue_papers
from tests.rigs.code_location import PROMPT_ASSETS, CodeLocation
from tests.rigs.copies import JOURNEYS, Journey, send
from tests.rigs.dagster_private import RepositorySnap
from tests.rigs.service import ServiceProbe

NAMES = Names()
PAPERS = issue_papers()
SECRET_LINE = PAPERS.key.splitlines()[1]
SOURCES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SHOTS = (
    shot("kitchen"),
    {
        **shot("stall", characters=[]),
        "text": "composited",
        "copy": {"headline": {"en": "Tea for two", "de": "Tee für zwei"}},
    },
)


@dataclass(frozen=True)
class Made:
    """A set that was made and signed; tests only look at it.

    Attributes:
        folder: Holds all that was written.
        files: The renditions, in the order of their paths.
    """

    location: CodeLocation
    folder: Path
    files: tuple[Path, ...]

    def row_of(self, path: Path) -> dict[str, Any]:
        """The manifest's row of a rendition."""
        text = (path.parents[2] / "manifest.json").read_text("utf-8")
        name = str(path.relative_to(path.parents[2]))
        return next(row for row in json.loads(text)["pictures"] if row["file"] == name)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A drawn shot, and one whose type we set in two locales, for two channels."""
    pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
    folder = tmp_path_factory.mktemp("made")
    with (
        # With pictures that are not all of one colour.
        SimulatorServer(SimulatorOptions(latency=0.02)) as server,
        dg.DagsterInstance.ephemeral(tempdir=str(folder)) as instance,
    ):
        settings = Settings(
            mode="live",
            home=folder / "home",
            config=folder / "briefs",
            oxen_base_url=server.url,
            c2pa_key=SecretStr(PAPERS.key),
            c2pa_cert=PAPERS.chain,
        )
        location = CodeLocation(settings, instance, ServiceProbe(server.url))
        channels = ["instagram_square", "display_300x250"]
        location.write(campaign(*SHOTS, channels=channels, locales=["en", "de"]))
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("OXEN_API_KEY", "test-key-3f9a")
            environment.setenv("NBP_C2PA_KEY", PAPERS.key)
            files = tuple(make(location))
        yield Made(location, folder, files)


@pytest.fixture
def signing(location: CodeLocation, monkeypatch: pytest.MonkeyPatch) -> CodeLocation:
    """A location that signs; nothing made yet."""
    pytest.importorskip("c2pa", reason="the extra c2pa is not installed")
    location.write(campaign(shot("attic", characters=[])))
    return sign_with(location, monkeypatch, PAPERS.key)


def sign_with(location: CodeLocation, monkeypatch: pytest.MonkeyPatch, key: str) -> CodeLocation:
    monkeypatch.setenv("NBP_C2PA_KEY", key)
    changes = {"c2pa_key": SecretStr(key), "c2pa_cert": PAPERS.chain}
    return replace(location, settings=location.settings.model_copy(update=changes))


def make(location: CodeLocation) -> list[Path]:
    """Make everything; return the files of the set."""
    location.sheets_made()
    assert location.materialize(PROMPT_ASSETS).success
    return write_set(location)


def write_set(location: CodeLocation) -> list[Path]:
    assert location.materialize([NAMES.campaign_sets]).success
    return sorted((location.settings.home / "sets" / "winter" / "images").rglob("*.*"))


def read_credentials(path: Path) -> tuple[str, dict[str, Any]]:
    import c2pa

    data = path.read_bytes()
    with Image.open(io.BytesIO(data)) as image:
        kind = f"image/{str(image.format).lower()}"
    trust = {"trust": {"trust_anchors": PAPERS.root}}
    with (
        c2pa.Context.from_dict(trust) as context,
        c2pa.Reader(kind, io.BytesIO(data), context=context) as reader,
    ):
        return str(reader.get_validation_state()), json.loads(reader.json())


def test_every_rendition_is_signed_and_leads_back_to_its_original(made: Made) -> None:
    assert len(made.files) == 6
    for path in made.files:
        row = made.row_of(path)
        state, store = read_credentials(path)
        assert state == "Trusted", path
        active = store["manifests"][store["active_manifest"]]
        [facts] = [a["data"] for a in active["assertions"] if a["label"] == "nbp.lineage"]
        assert facts["prompt_key"] == row["prompt_key"]
        assert facts["generation_id"] == row["generation_id"]
        assert active["ingredients"][0]["relationship"] == "parentOf"
        verdicts = {check["name"]: check["verdict"] for check in row["checks"]}
        assert verdicts["marking"] == "passed"


def test_exiftool_reads_every_marking(made: Made) -> None:
    exiftool = shutil.which("exiftool")
    if exiftool is None:
        pytest.skip("exiftool is not installed: make exiftool")

    said = subprocess.run(
        [exiftool, "-json", "-n", "-XMP:all", *map(str, made.files)],
        capture_output=True,
        check=True,
    )

    found = json.loads(said.stdout)
    assert len(found) == len(made.files)
    for path, marks in zip(made.files, found, strict=True):
        row = made.row_of(path)
        part = "compositeWithTrained" if row["shot"] == "stall" else "trained"
        assert marks["DigitalSourceType"] == f"{SOURCES}{part}AlgorithmicMedia"
        assert marks["AISystemUsed"] == row["model"]
        assert marks["AISystemVersionUsed"] == "Gemini 3 Pro Image"
        assert (marks["Brand"], marks["Campaign"]) == ("hilltop", "winter")
        assert marks["PromptKey"] == row["prompt_key"]
        assert marks["Fingerprint"] == row["fingerprint"]
        assert marks["GenerationId"] == row["generation_id"]
        assert "AIPromptInformation" not in marks


def test_the_provider_s_bytes_stay_as_they_came(made: Made) -> None:
    for path in made.files:
        digest = made.row_of(path)["original_sha256"]
        kept = made.folder / "home" / "store" / digest[:2] / digest
        assert hashlib.sha256(kept.read_bytes()).hexdigest() == digest
        with open_picture_index(made.location.settings) as registry:
            [found] = identify_files([kept], registry)
        assert found.found_by == "bytes"
        assert found.match is not None
        assert found.match.picture.is_original


@pytest.mark.parametrize("journey", JOURNEYS.values(), ids=JOURNEYS)
def test_whois_names_every_copy_of_a_made_set(made: Made, tmp_path: Path, journey: Journey) -> None:
    copy = tmp_path / "copy.png"
    with open_picture_index(made.location.settings) as registry:
        for number, path in enumerate(made.files):
            with Image.open(path) as image:
                send(image.convert("RGB"), journey, seed=number).save(copy)
            [found] = identify_files([copy], registry, open_store(made.location.settings))
            row = made.row_of(path)
            assert found.found_by == "looks", path
            assert found.match is not None
            assert found.match.picture.prompt_key == row["prompt_key"]
            fitting = [item.picture for item in (found.match, *found.others)]
            places = {(item.channel, item.locale) for item in fitting}
            assert (row["channel"], row["locale"]) in places


def test_the_signing_key_is_in_no_definition_event_file_or_message(made: Made) -> None:
    snapshot = RepositorySnap.from_def(made.location.definitions().get_repository_def())
    text = dg.serialize_value(snapshot)
    assert "NBP_C2PA_KEY" in text
    assert SECRET_LINE not in text
    runs = made.location.instance.get_runs()
    assert len(runs) == 4
    for run in runs:
        for entry in made.location.instance.all_logs(run.run_id):
            assert SECRET_LINE not in dg.serialize_value(entry)
    for path in made.folder.rglob("*"):
        if path.is_file():
            assert SECRET_LINE.encode() not in path.read_bytes(), path


def test_what_is_unchanged_is_not_signed_again_and_turning_it_off_buys_nothing(
    signing: CodeLocation,
) -> None:
    signed = {path: path.read_bytes() for path in make(signing)}
    bills = signing.service.bills
    assert signing.materialize(PROMPT_ASSETS).success
    assert {path: path.read_bytes() for path in write_set(signing)} == signed
    off = signing.settings.model_copy(update={"c2pa_key": None, "c2pa_cert": None})
    plain = replace(signing, settings=off)

    assert plain.materialize(PROMPT_ASSETS).success

    unsigned = [path.read_bytes() for path in write_set(plain)]
    assert all(b"c2pa" in data for data in signed.values())
    assert not any(b"c2pa" in data for data in unsigned)
    assert plain.service.bills == bills


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (SECRET_LINE, "neither PEM text nor the path"),
        (issue_papers().key, "cannot sign content credentials"),
    ],
    ids=["half a key", "another certificate's"],
)
def test_a_key_that_can_not_sign_buys_nothing(
    signing: CodeLocation, monkeypatch: pytest.MonkeyPatch, key: str, words: str
) -> None:
    broken = sign_with(signing, monkeypatch, key)

    result = broken.materialize([NAMES.character_sheets])

    assert not result.success
    log = broken.instance.all_logs(result.run_id)
    said = "".join(dg.serialize_value(entry) for entry in log)
    assert words in said
    assert not any(line in said for line in key.splitlines() if len(line) > 30)
    assert broken.service.bills == 0


@pytest.mark.parametrize(
    ("brand", "said", "told"),
    [(False, None, False), (True, None, True), (True, False, False), (False, True, True)],
)
def test_the_prompt_is_told_only_where_the_briefs_say_so(
    location: CodeLocation, brand: bool, said: bool | None, told: bool
) -> None:
    changes = {} if said is None else {"disclose_prompt": said}
    location.write(campaign(shot("kitchen"), **changes), brand={**BRAND, "disclose_prompt": brand})

    with open_studio(location.settings) as studio:
        assert render_context_of(studio.briefs, studio.prompts[0]).discloses_prompt is told


def test_a_disclosed_prompt_is_in_the_file(location: CodeLocation) -> None:
    location.write(campaign(shot("kitchen"), disclose_prompt=True))
    [path] = make(location)
    manifest = json.loads((path.parents[2] / "manifest.json").read_text("utf-8"))
    [row] = manifest["pictures"]
    assert read_marks(path.read_bytes())["Iptc4xmpExt:AIPromptInformation"] == row["prompt"]
