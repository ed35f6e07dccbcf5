"""What a rendition says about its origin, and what is read back from files."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from nbp_dagster.studio.imaging.encode import FileType, encode_picture, srgb_profile
from nbp_dagster.studio.imaging.xmp import Marks, Rights, build_xmp, compare_marks, read_marks
from tests.rigs.pictures import broken_pictures, draw_scene, encode

IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
OURS = "{urn:nbp-dagster:xmp:1.0#}"
TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
MARKS = Marks(
    simulated=False,
    model="google-nano-banana-pro",
    generation_id="gen_1",
    brand="hilltop",
    campaign="spring",
    prompt_key="spring/kitchen/en/9x16/v1",
    fingerprint="ab" * 32,
    made_at=1_760_000_000.25,
)


def parse(xmp: bytes) -> dict[str, str | None]:
    root = ET.fromstring(xmp.decode("utf-8").replace("\ufeff", ""))
    description = root[0][0]
    return {child.tag: child.text for child in description}


def write(marks: Marks = MARKS, *, file_type: FileType = "jpeg") -> bytes:
    return write_xmp(build_xmp(marks), file_type=file_type)


def write_xmp(xmp: bytes, *, file_type: FileType = "jpeg") -> bytes:
    scene = draw_scene(64, 48)
    encoded = encode_picture(
        scene, file_type=file_type, max_bytes=200_000, icc=srgb_profile(), xmp=xmp
    )
    assert encoded is not None
    return encoded.data


RIGHTS = Rights(
    creator="Hilltop & Sons", credit="Hilltop", copyright="© 2026 Hilltop", prompt_writer="B. Bee"
)


@pytest.mark.parametrize("file_type", ["jpeg", "png", "webp", "avif"])
def test_rights_and_alternative_texts_are_read_back_as_written(file_type: FileType) -> None:
    texts = {"x-default": "Ada pours <tea>", "de-AT": "Ada gießt Tee ein"}
    marks = replace(MARKS, rights=RIGHTS, alt_texts=texts)
    found = read_marks(write(marks, file_type=file_type))
    assert list(compare_marks(marks, found)) == []
    assert found["dc:creator"] == "Hilltop & Sons"
    assert found["photoshop:Credit"] == "Hilltop"
    assert found["dc:rights[x-default]"] == "© 2026 Hilltop"
    assert found["Iptc4xmpExt:AIPromptWriterName"] == "B. Bee"
    assert found["Iptc4xmpCore:AltTextAccessibility[x-default]"] == "Ada pours <tea>"
    assert found["Iptc4xmpCore:AltTextAccessibility[de-AT]"] == "Ada gießt Tee ein"


def test_a_lost_language_of_an_alternative_text_is_named() -> None:
    marks = replace(MARKS, alt_texts={"x-default": "Tea", "de": "Tee"})
    found = read_marks(write(replace(marks, alt_texts={"x-default": "Tea"})))
    assert list(compare_marks(marks, found)) == ["Iptc4xmpCore:AltTextAccessibility[de] is missing"]


def test_what_is_not_said_of_a_brand_is_not_written() -> None:
    packet = build_xmp(MARKS)
    for name in (b"dc:creator", b"dc:rights", b"Credit", b"AltText", b"WriterName"):
        assert b"<" + name not in packet


def test_a_prompt_and_texts_of_many_languages_fit_into_a_jpeg() -> None:
    texts = {f"x-{number}": "語" * 500 for number in range(40)}
    marks = replace(MARKS, prompt="語" * 20_000, alt_texts=texts, rights=RIGHTS)
    found = read_marks(write(marks))
    assert sum(name.startswith("Iptc4xmpCore:AltText") for name in found) == 6
    assert list(compare_marks(marks, found)) == []


@pytest.mark.parametrize(
    ("simulated", "composited", "source"),
    [
        (False, False, "trainedAlgorithmicMedia"),
        (False, True, "compositeWithTrainedAlgorithmicMedia"),
        (True, False, "algorithmicMedia"),
        (True, True, "algorithmicMedia"),
    ],
)
def test_the_source_type_says_who_drew_it(simulated: bool, composited: bool, source: str) -> None:
    marks = parse(build_xmp(replace(MARKS, simulated=simulated, composited=composited)))
    assert marks[f"{IPTC}DigitalSourceType"] == TYPES + source
    assert marks[f"{OURS}Simulated"] == str(simulated)


def test_a_supplied_image_that_the_model_changed_is_a_composite_before_any_type_is_set() -> None:
    marks = replace(MARKS, simulated=False, composited=False, edits_supplied=True)

    assert marks.original_source_type.endswith("/compositeWithTrainedAlgorithmicMedia")
    assert marks.source_type == marks.original_source_type
    assert replace(marks, simulated=True).source_type.endswith("/algorithmicMedia")


def test_the_ai_system_is_named_only_where_one_was_used() -> None:
    marks = parse(build_xmp(MARKS))
    assert marks[f"{IPTC}AISystemUsed"] == "google-nano-banana-pro"
    assert marks[f"{IPTC}AISystemVersionUsed"] == "Gemini 3 Pro Image"
    assert not any("AISystem" in name for name in parse(build_xmp(replace(MARKS, simulated=True))))
    other = parse(build_xmp(replace(MARKS, model="another-model")))
    assert f"{IPTC}AISystemVersionUsed" not in other


def test_lineage_is_written_and_no_prompt_text() -> None:
    marks = parse(build_xmp(MARKS))
    assert marks[f"{OURS}GenerationId"] == "gen_1"
    assert marks[f"{OURS}Brand"] == "hilltop"
    assert marks[f"{OURS}Campaign"] == "spring"
    assert marks[f"{OURS}PromptKey"] == "spring/kitchen/en/9x16/v1"
    assert marks[f"{OURS}Fingerprint"] == "ab" * 32
    assert marks["{http://ns.adobe.com/xap/1.0/}CreateDate"] == "2025-10-09T08:53:20+00:00"
    assert not any("Information" in name for name in marks)


@pytest.mark.parametrize("file_type", ["jpeg", "png", "webp", "avif"])
def test_what_was_written_is_read_back(file_type: FileType) -> None:
    told = replace(MARKS, prompt='Ada & Ben: "two < three"\n\nin the kitchen ' + "é世" * 9000)
    for marks in (MARKS, told):
        found = read_marks(write(marks, file_type=file_type))
        assert found == marks.facts()
        assert list(compare_marks(marks, found)) == []


def test_hostile_values_stay_values() -> None:
    evil = replace(MARKS, model="</rdf:RDF>&\x00\x1b<evil attr='\"'>")
    assert read_marks(write(evil))["nbp:Model"] == "</rdf:RDF>&<evil attr='\"'>"


def test_what_is_missing_wrong_or_too_much_is_named() -> None:
    other = replace(MARKS, generation_id="gen_2", made_at=None, prompt="a secret offer")
    found = read_marks(write(other))
    assert list(compare_marks(MARKS, found)) == [
        "xmp:CreateDate is missing",
        "nbp:GenerationId is 'gen_2', not 'gen_1'",
        "Iptc4xmpExt:AIPromptInformation holds a prompt that must not be disclosed",
    ]
    assert list(compare_marks(MARKS, {})) == ["it has no XMP that can be read"]


def test_marks_that_another_program_wrote_anew_are_read() -> None:
    """As attributes, under other prefixes, in several descriptions."""
    packet = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
     <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <rdf:Description rdf:about="" xmlns:a="{OURS[1:-1]}" a:PromptKey="spring/kitchen"/>
      <rdf:Description rdf:about="" xmlns:b="{IPTC[1:-1]}"><b:AISystemUsed>x</b:AISystemUsed>
      </rdf:Description></rdf:RDF></x:xmpmeta>"""
    found = read_marks(write_xmp(packet.encode()))
    assert found == {"nbp:PromptKey": "spring/kitchen", "Iptc4xmpExt:AISystemUsed": "x"}


@pytest.mark.parametrize(
    "packet",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
        b"<x:xmpmeta",
        b"\xff\xfe not XML",
        b'<?xml version="1.0" encoding="nonsense"?><x/>',
        b"",
    ],
)
def test_a_packet_that_can_not_be_trusted_says_nothing(packet: bytes) -> None:
    assert read_marks(write_xmp(packet)) == {}


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", broken_pictures())
def test_nothing_is_read_from_what_is_no_picture(kind: str) -> None:
    assert read_marks(broken_pictures()[kind]()) == {}
    assert read_marks(encode(draw_scene(8, 8))) == {}


def test_the_packet_is_what_readers_scan_for() -> None:
    packet = build_xmp(MARKS)
    assert packet.startswith(b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>')
    assert packet.endswith(b'<?xpacket end="w"?>')
