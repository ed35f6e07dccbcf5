"""Which addresses a brief may name."""

import unicodedata
from pathlib import Path
from typing import Literal

import pytest

from nbp_dagster.briefs.images import (
    FileDigest,
    find_address_fault,
    locate_file,
    read_reference,
    resolve_source,
)
from tests.rigs.pictures import draw_scene, encode

PNG = encode(draw_scene(8, 8))


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/a.png",
        "https://cdn.example.com:8443/a.png?sig=x",
        "HTTPS://EXAMPLE.COM/a.png",
        "https://93.184.215.14/a.png",
        "https://[2606:2800:220:1::1]/a.png",
        "https://1.example.com/a.png",
    ],
)
def test_a_public_https_address_is_accepted(url: str) -> None:
    assert find_address_fault(url) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/a.png",
        "ftp://example.com/a.png",
        "data:image/png;base64,AAAA",
        "https:///a.png",
        "https://localhost/a.png",
        "https://localhost./a.png",
        "https://printer/a.png",
        "https://nas.local/a.png",
        "https://metadata.google.internal/a.png",
        "https://127.0.0.1/a.png",
        "https://127.1/a.png",
        "https://2130706433/a.png",
        "https://0x7f000001/a.png",
        "https://0177.0.0.1/a.png",
        "https://10.0.0.1/a.png",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/a.png",
        "https://0.0.0.0/a.png",
        "https://[::1]/a.png",
        "https://[::ffff:127.0.0.1]/a.png",
        "https://[fe80::1]/a.png",
        "https://[64:ff9b::7f00:1]/a.png",
        "https://[2002:7f00:1::]/a.png",
        "https://[fec0::1]/a.png",
        "https://224.0.0.1/a.png",
        "https://[::1/a.png",
        "https://user@example.com/a.png",
        "https://user:pw@example.com/a.png",
        "https://example.com:port/a.png",
        "https://example.com:99999/a.png",
        "https://example.com/a b.png",
        "https://example.com\\@evil.com/a.png",
        "https://exämple.com/a.png",
    ],
)
def test_any_other_address_is_refused(url: str) -> None:
    assert find_address_fault(url)


@pytest.mark.parametrize(
    ("source", "resolved"),
    [
        ("images/logo.png", "brands/images/logo.png"),
        ("./images//logo.png", "brands/images/logo.png"),
        ("../shared/logo.png", "shared/logo.png"),
        ("https://example.com/a/../b.png", "https://example.com/a/../b.png"),
    ],
)
def test_a_reference_is_named_by_its_path_below_the_config_folder(
    source: str, resolved: str
) -> None:
    assert resolve_source(source) == resolved


@pytest.mark.parametrize("name", ["a" * 256 + ".png", "ä" * 128, "/".join(["b" * 200] * 30)])
def test_a_name_no_file_system_takes_is_told(tmp_path: Path, name: str) -> None:
    for found in (read_reference(name, tmp_path), locate_file(name, tmp_path)):
        assert isinstance(found, str)
        assert found.startswith("too long for a path; accepted: at most 255 bytes")


@pytest.mark.parametrize("written", ["NFC", "NFD"])
@pytest.mark.parametrize("kept", ["NFC", "NFD"])
def test_a_file_is_found_whichever_way_its_letters_are_composed(
    tmp_path: Path, written: Literal["NFC", "NFD"], kept: Literal["NFC", "NFD"]
) -> None:
    name = "Grüße/Müller.png"
    file = tmp_path / "brands" / unicodedata.normalize(kept, name)
    file.parent.mkdir(parents=True)
    file.write_bytes(PNG)

    found = read_reference(unicodedata.normalize(written, name), tmp_path)

    assert isinstance(found, FileDigest), found
    assert found.path.samefile(file)


def test_a_file_that_is_spelled_exactly_goes_first(tmp_path: Path) -> None:
    for number, form in enumerate(("NFC", "NFD")):
        name = unicodedata.normalize(form, "Müller.png")  # type: ignore[arg-type]
        (tmp_path / "brands").mkdir(exist_ok=True)
        (tmp_path / "brands" / name).write_bytes(PNG + bytes([number]))

    for number, form in enumerate(("NFC", "NFD")):
        found = locate_file(unicodedata.normalize(form, "Müller.png"), tmp_path)  # type: ignore[arg-type]
        assert isinstance(found, Path)
        assert found.read_bytes()[-1] == number


def test_a_file_that_is_not_there_is_named_as_written(tmp_path: Path) -> None:
    (tmp_path / "brands").mkdir()

    assert locate_file("Müller.png", tmp_path) == "no such file brands/Müller.png"
