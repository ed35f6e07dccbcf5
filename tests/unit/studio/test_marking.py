"""What a rendition says about its origin."""

import xml.etree.ElementTree as ET

import pytest

from nbp_dagster.studio.marking import build_xmp

IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
OURS = "{urn:nbp-dagster:xmp:1.0#}"
TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"


def read_marks(xmp: bytes) -> dict[str, str | None]:
    root = ET.fromstring(xmp.decode("utf-8").replace("\ufeff", ""))
    description = root[0][0]
    return {child.tag: child.text for child in description}


def build(
    *, simulated: bool = False, composited: bool = False, model: str = "google-nano-banana-pro"
) -> bytes:
    return build_xmp(
        simulated=simulated,
        model=model,
        generation_id="gen_1",
        campaign="spring",
        prompt_key="spring/kitchen/en/9x16/v1",
        fingerprint="ab" * 32,
        composited=composited,
    )


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
    marks = read_marks(build(simulated=simulated, composited=composited))
    assert marks[f"{IPTC}DigitalSourceType"] == TYPES + source
    assert marks[f"{OURS}Simulated"] == str(simulated)


def test_the_ai_system_is_named_only_where_one_was_used() -> None:
    assert read_marks(build())[f"{IPTC}AISystemUsed"] == "google-nano-banana-pro"
    assert f"{IPTC}AISystemUsed" not in read_marks(build(simulated=True))


def test_lineage_is_written_and_no_prompt_text() -> None:
    marks = read_marks(build())
    assert marks[f"{OURS}GenerationId"] == "gen_1"
    assert marks[f"{OURS}Campaign"] == "spring"
    assert marks[f"{OURS}PromptKey"] == "spring/kitchen/en/9x16/v1"
    assert marks[f"{OURS}Fingerprint"] == "ab" * 32
    assert not any("Information" in name for name in marks)


def test_hostile_values_stay_values() -> None:
    marks = read_marks(build(model="</rdf:RDF>&\x00\x1b<evil attr='\"'>"))
    assert marks[f"{OURS}Model"] == "</rdf:RDF>&<evil attr='\"'>"


def test_the_packet_is_what_readers_scan_for() -> None:
    packet = build()
    assert packet.startswith(b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>')
    assert packet.endswith(b'<?xpacket end="w"?>')
