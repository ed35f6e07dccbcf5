"""What `nbp whois` finds, as lines for a terminal."""

from collections.abc import Iterator

from nbp_dagster.clock import iso_time
from nbp_dagster.studio.provenance.descriptors import describe_score
from nbp_dagster.studio.provenance.identify import Identity, Match

_SHOWN = 8  # further pictures that match as well


def describe_identity(identity: Identity) -> Iterator[str]:
    """Yield the lines on one file: one where no picture matches, a few more otherwise."""
    match = identity.match
    if match is None:
        yield f"{identity.file}: {identity.problem or 'not a picture of this ledger'}"
        yield from _claims(identity)
        return
    picture = match.picture
    made = "undated" if picture.made_at is None else iso_time(picture.made_at)
    yield f"{identity.file}: {picture.prompt_key}"
    for name, value in (
        ("found by", _evidence(identity, match)),
        ("campaign", f"{picture.campaign}, brand {picture.brand}"),
        ("picture", _place(match)),
        ("request", f"{picture.fingerprint}, {picture.model}"),
        ("generation", f"{picture.generation_id}, {made}"),
        ("price", _price(identity)),
        *_parent(identity),
        ("run", identity.bill.run_id if identity.bill else "unknown"),
    ):
        yield f"  {name:<11} {value}"
    for other in identity.others[:_SHOWN]:
        yield f"  {'fits as well':<11} {other.picture.prompt_key}: {_place(other)}"
    if len(identity.others) > _SHOWN:
        yield f"  and {len(identity.others) - _SHOWN} more"
    yield from _claims(identity)


def _parent(identity: Identity) -> Iterator[tuple[str, str]]:
    if identity.bill is not None and identity.bill.parent is not None:
        yield "instead of", f"{identity.bill.parent}, which was refused or failed a check"


def _evidence(identity: Identity, match: Match) -> str:
    if identity.found_by == "bytes":
        return "its bytes"
    how = (
        "compared pixel by pixel"
        if match.difference
        else "by its descriptor, as the store does not hold it"
    )
    alike = f"{describe_score(match.score)}, {how}"
    if identity.found_by == "marks":
        return f"its marks, verified: {alike}"
    return f"its looks: {alike}"


def _place(match: Match) -> str:
    picture = match.picture
    where = "the original" if picture.is_original else picture.channel
    return f"{where}, {picture.locale}, {picture.width}x{picture.height}"


def _price(identity: Identity) -> str:
    if identity.bill is None:
        return "unknown: the ledger has no such generation"
    simulated = identity.match is not None and identity.match.picture.provider == "simulator"
    note = " (simulated: nothing was paid)" if simulated else ""
    return f"{identity.bill.price_usd:.2f} USD{note}"


def _claims(identity: Identity) -> Iterator[str]:
    if identity.claims:
        said = ", ".join(f"{name} {value}" for name, value in identity.claims.items())
        why = f" ({identity.problem})" if identity.problem else ""
        yield f"  claims      unproven{why}: {said}"
