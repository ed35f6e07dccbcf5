"""Writes a rendition's marks as XMP/IPTC metadata and reads them back from a file.

Marks are machine-readable facts of its origin: AI-made, by which model, for which order, as the
EU AI Act's article 50 and platforms require. They hold no prompt text unless a brief discloses it.
"""

import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

from PIL import Image

from nbp_dagster.briefs.languages import DEFAULT_LANGUAGE
from nbp_dagster.studio.imaging.decode import sniff_format
from nbp_dagster.version import __version__

SOURCE_TYPES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"  # IPTC NewsCodes
_OUR_NAMESPACE: Final = "urn:nbp-dagster:xmp:1.0#"
_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PACKET_ID: Final = "W5M0MpCehiHzreSzNTczkc9d"  # fixed by ISO 16684-1, 7.3.2
_MOST_PACKET_BYTES: Final = 1024 * 1024  # ours have some 2 KB
# A JPEG holds 65 KB of XMP at most, and a letter may take 4 bytes.
_MOST_PROMPT_CHARACTERS: Final = 11_000
_MOST_ALT_CHARACTERS: Final = 3_000  # of all languages

_NAMESPACES: Final = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "nbp": _OUR_NAMESPACE,
}
# The version by a model's page: its own id has none.
_VERSIONS: Final = {"google-nano-banana-pro": "Gemini 3 Pro Image"}


# Lists by order, and texts by language; every other property is one text.
_SEQUENCES: Final = frozenset({"dc:creator"})
_BY_LANGUAGE: Final = frozenset({"dc:rights", "Iptc4xmpCore:AltTextAccessibility"})
_LANGUAGE: Final = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Whose a picture is, in its brand's words; empty ones are not written.

    Attributes:
        creator: Who made it.
        credit: The line that is printed beside it.
        copyright: The copyright notice.
        prompt_writer: Who wrote the prompts.
    """

    creator: str = ""
    credit: str = ""
    copyright: str = ""
    prompt_writer: str = ""


NO_RIGHTS: Final = Rights()


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What the metadata of one rendition states about its origin.

    Attributes:
        simulated: Whether the simulator drew the picture.
        composited: Whether copy was set on the picture afterwards.
        model: Id of the model.
        generation_id: The service's id of the paid job.
        brand: Id of the brand.
        campaign: Id of the campaign.
        prompt_key: Partition key.
        fingerprint: Hash of the request.
        made_at: When the service finished the picture, seconds since the epoch.
        prompt: The text sent to the model; None where the briefs do not disclose it.
        alt_texts: What the picture shows, in words, by language tag; `DEFAULT_LANGUAGE` first.
        rights: Whose it is.
        edits_supplied: Whether the model changed an image that the brief supplied.
    """

    simulated: bool
    composited: bool = False
    model: str
    generation_id: str
    brand: str
    campaign: str
    prompt_key: str
    fingerprint: str
    made_at: float | None = None
    prompt: str | None = None
    alt_texts: Mapping[str, str] = field(default_factory=dict)
    rights: Rights = NO_RIGHTS
    edits_supplied: bool = False

    @property
    def source_type(self) -> str:
        """The IPTC term for how the picture came about.

        `trainedAlgorithmicMedia` for what the model drew, `compositeWithTrainedAlgorithmicMedia`
        where we set type on it or the model changed a supplied image, and `algorithmicMedia` for
        what the simulator drew, because no trained model had a part in that.
        """
        return self._source_type(is_composite=self.composited or self.edits_supplied)

    @property
    def original_source_type(self) -> str:
        """The same of the picture as the model sent it, before we set any type on it."""
        return self._source_type(is_composite=self.edits_supplied)

    def _source_type(self, *, is_composite: bool) -> str:
        if self.simulated:
            return SOURCE_TYPES + "algorithmicMedia"
        part = "compositeWithTrained" if is_composite else "trained"
        return f"{SOURCE_TYPES}{part}AlgorithmicMedia"

    def facts(self) -> Mapping[str, str]:
        """Return the XMP properties by name, prefix included, as they are written.

        A text of a language has that in its name: `dc:rights[x-default]`.
        """
        return {name: _clean(value) for name, value in self._facts() if value}

    def _facts(self) -> Iterator[tuple[str, str]]:
        yield "Iptc4xmpExt:DigitalSourceType", self.source_type
        if not self.simulated:
            # IPTC 2025.1; the simulator is no AI system.
            yield "Iptc4xmpExt:AISystemUsed", self.model
            yield "Iptc4xmpExt:AISystemVersionUsed", _VERSIONS.get(self.model, "")
        if self.prompt is not None:
            yield "Iptc4xmpExt:AIPromptInformation", self.prompt[:_MOST_PROMPT_CHARACTERS]
        if not self.simulated:
            yield "Iptc4xmpExt:AIPromptWriterName", self.rights.prompt_writer
        for language, text in _shorten(self.alt_texts):
            yield f"Iptc4xmpCore:AltTextAccessibility[{language}]", text
        yield "dc:creator", self.rights.creator
        yield "photoshop:Credit", self.rights.credit
        yield f"dc:rights[{DEFAULT_LANGUAGE}]", self.rights.copyright
        yield "xmp:CreatorTool", f"nbp_dagster {__version__}"
        if self.made_at is not None:
            made = datetime.fromtimestamp(self.made_at, UTC)
            yield "xmp:CreateDate", made.isoformat(timespec="seconds")
        yield "nbp:Simulated", str(self.simulated)
        yield "nbp:Model", self.model
        yield "nbp:GenerationId", self.generation_id
        yield "nbp:Brand", self.brand
        yield "nbp:Campaign", self.campaign
        yield "nbp:PromptKey", self.prompt_key
        yield "nbp:Fingerprint", self.fingerprint


def build_xmp(marks: Marks) -> bytes:
    """Return an XMP packet, UTF-8, that names a picture's origin."""
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES.items())
    rows = "\n".join(_rows(marks.facts()))
    return (
        f'<?xpacket begin="\ufeff" id="{_PACKET_ID}"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        ' <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        f'  <rdf:Description rdf:about="" {spaces}>\n'
        f"{rows}\n"
        "  </rdf:Description>\n"
        " </rdf:RDF>\n"
        "</x:xmpmeta>\n"
        '<?xpacket end="w"?>'
    ).encode()


def _rows(facts: Mapping[str, str]) -> Iterator[str]:
    """Yield each property as an element; the languages of one stand in one list."""
    named: dict[str, dict[str, str]] = {}
    for key, value in facts.items():
        name, _, language = key.rstrip("]").partition("[")
        named.setdefault(name, {})[language] = escape(value)
    for name, texts in named.items():
        if name in _BY_LANGUAGE:
            items = "".join(
                f'<rdf:li xml:lang="{language}">{text}</rdf:li>' for language, text in texts.items()
            )
            yield f"   <{name}><rdf:Alt>{items}</rdf:Alt></{name}>"
        elif name in _SEQUENCES:
            yield f"   <{name}><rdf:Seq><rdf:li>{texts['']}</rdf:li></rdf:Seq></{name}>"
        else:
            yield f"   <{name}>{texts['']}</{name}>"


def read_marks(data: bytes) -> Mapping[str, str]:
    """Return the properties we write that a file's XMP holds, by name; empty where there are none.

    Safe on any bytes. Other programs write the same properties in other ways: as attributes, or
    spread over several descriptions.
    """
    packet = _find_packet(data)
    # XMP has no declarations; a packet with one is an entity-expansion attack.
    if packet is None or len(packet) > _MOST_PACKET_BYTES or b"<!" in packet:
        return {}
    try:
        root = ET.fromstring(packet.strip(b"\0 \t\r\n"))
    except (ET.ParseError, ValueError, LookupError):
        return {}
    names = {f"{{{uri}}}": prefix for prefix, uri in _NAMESPACES.items()}
    found: dict[str, str] = {}
    for description in root.iter(f"{_RDF}Description"):
        texts = [item for child in description for item in _texts_of(child)]
        for name, language, value in [
            *((name, "", value) for name, value in description.attrib.items()),
            *texts,
        ]:
            uri, brace, local = str(name).rpartition("}")
            if uri + brace in names:
                found.setdefault(f"{names[uri + brace]}:{local}{language}", value)
    return found


def _texts_of(element: ET.Element) -> Iterator[tuple[str, str, str]]:
    """Yield an element's tag, the language of each of its texts in brackets, and the text."""
    items = list(element.iter(f"{_RDF}li"))
    if not items:
        yield element.tag, "", element.text or ""
    for item in items:
        language = item.get(_LANGUAGE)
        yield element.tag, "" if language is None else f"[{language}]", item.text or ""


def _shorten(texts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield texts by language as long as there is room for them."""
    room = _MOST_ALT_CHARACTERS
    for language, text in texts.items():
        if text and len(text) <= room:
            room -= len(text)
            yield language, text


def compare_marks(marks: Marks, found: Mapping[str, str]) -> Iterator[str]:
    """Yield one sentence for each property that a file should hold and does not."""
    if not found:
        yield "it has no XMP that can be read"
        return
    for name, value in marks.facts().items():
        seen = found.get(name)
        if seen is None:
            yield f"{name} is missing"
        elif seen != value:
            yield f"{name} is {seen[:80]!r}, not {value[:80]!r}"
    extra = "Iptc4xmpExt:AIPromptInformation"
    if marks.prompt is None and extra in found:
        yield f"{extra} holds a prompt that must not be disclosed"


def _find_packet(data: bytes) -> bytes | None:
    kind = sniff_format(data)
    if kind is None:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as opened:
            packet = opened.info.get("xmp") or opened.info.get("XML:com.adobe.xmp")
        return packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
    except Exception:  # noqa: BLE001  # decoders raise whatever damaged bytes make of them
        return None


def _clean(value: str) -> str:
    """Return text without what XML can't hold: it would make the whole packet unreadable."""
    if value.isprintable():
        return value
    lines = value.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join("".join(c for c in line if c.isprintable()) for line in lines)
