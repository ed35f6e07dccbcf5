"""Writes what a rendition must say about itself: made by a machine, by which, for which order.

Machine-readable, as the EU AI Act's article 50 and platforms ask. Never holds prompt text.
"""

from typing import Final
from xml.sax.saxutils import escape

from nbp_dagster.version import __version__

_SOURCE_TYPES: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"  # IPTC NewsCodes
_OUR_NAMESPACE: Final = "urn:nbp-dagster:xmp:1.0#"
_PACKET_ID: Final = "W5M0MpCehiHzreSzNTczkc9d"  # fixed by ISO 16684-1, 7.3.2

_NAMESPACES: Final = {
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "nbp": _OUR_NAMESPACE,
}


def build_xmp(
    *,
    simulated: bool,
    model: str,
    generation_id: str,
    campaign: str,
    prompt_key: str,
    fingerprint: str,
    composited: bool = False,
) -> bytes:
    """Return an XMP packet, UTF-8, that names a picture's origin.

    `Iptc4xmpExt:DigitalSourceType` is `trainedAlgorithmicMedia` for what the model drew,
    `compositeWithTrainedAlgorithmicMedia` where we set type on it, and `algorithmicMedia` for
    what the simulator drew, because no trained model had a part in that.

    Args:
        simulated: Whether the simulator drew the picture.
        model: Id of the model.
        generation_id: The service's id of the paid job.
        campaign: Id of the campaign.
        prompt_key: Partition key.
        fingerprint: Hash of the request.
        composited: Whether copy was set on the picture afterwards.
    """
    facts = {
        "Iptc4xmpExt:DigitalSourceType": _SOURCE_TYPES + _name_source(simulated, composited),
        # IPTC 2025.1; the simulator is no AI system.
        **({} if simulated else {"Iptc4xmpExt:AISystemUsed": model}),
        "xmp:CreatorTool": f"nbp_dagster {__version__}",
        "nbp:Simulated": str(simulated),
        "nbp:Model": model,
        "nbp:GenerationId": generation_id,
        "nbp:Campaign": campaign,
        "nbp:PromptKey": prompt_key,
        "nbp:Fingerprint": fingerprint,
    }
    spaces = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES.items())
    rows = "\n".join(f"   <{name}>{_clean(value)}</{name}>" for name, value in facts.items())
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


def _name_source(simulated: bool, composited: bool) -> str:
    if simulated:
        return "algorithmicMedia"
    return "compositeWithTrainedAlgorithmicMedia" if composited else "trainedAlgorithmicMedia"


def _clean(value: str) -> str:
    """Escape a value; characters XML can't hold would make the whole packet unreadable."""
    return escape("".join(c for c in value if c.isprintable()))
