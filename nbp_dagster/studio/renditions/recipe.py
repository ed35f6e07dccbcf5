"""The recipe of a prompt's renditions: the hash of all that decides their files."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from nbp_dagster.briefs.channels import Channel
from nbp_dagster.briefs.models import Brand
from nbp_dagster.disclosure.need import need_of
from nbp_dagster.disclosure.table import load_packaged_table
from nbp_dagster.prompts.expansion import ALL_LOCALES, locales_of
from nbp_dagster.prompts.render_context import RenderContext
from nbp_dagster.studio.imaging.c2pa import SIGNING_VERSION
from nbp_dagster.studio.imaging.xmp import Rights
from nbp_dagster.studio.ledger.orders import Made
from nbp_dagster.studio.typography.copy_fit import locale_copies
from nbp_dagster.studio.typography.disclosure_label import LABEL_VERSION
from nbp_dagster.studio.typography.letters.line_breaks import LINE_BREAKS_VERSION

# Raised when an equal original and channel would give another file: renditions are made again.
RENDER_VERSION = "6"


def rights_of(brand: Brand) -> Rights:
    """Return whose a brand's pictures are."""
    return Rights(**brand.rights.model_dump(exclude_none=True))


def recipe_of(
    context: RenderContext,
    made: Made,
    *,
    signer: str | None = None,
    logo: str | None = None,
    with_heads: bool = True,
) -> str:
    """Return the hash of everything a prompt's renditions depend on, the original included.

    Args:
        context: What the briefs say of the prompt.
        made: The original.
        signer: Identity of the signing certificate; None where they are not signed.
        logo: Digest of the logo that banners show; None for none.
        with_heads: Whether their record says where heads are.
    """
    receipt = {**vars(made.receipt), "price_usd": str(made.receipt.price_usd)}
    # Contained in the fingerprint.
    del receipt["parent"]
    copies = [list(locale_copies(context, channel)) for channel in context.channels]
    facts: dict[str, Any] = {
        "version": RENDER_VERSION,
        "original": made.image.sha256,
        "receipt": receipt,
        "channels": [_channel_facts(channel) for channel in context.channels],
        "palette": dict(context.brand.palette),
        "brand": context.brand.id,
        "disclosed": context.discloses_prompt,
        "rights": vars(rights_of(context.brand)),
        "alt_texts": [
            dict(context.alt_texts(locale))
            for locale in (ALL_LOCALES, *locales_of(context.prompt, context.campaign))
        ],
        "signer": signer,
        # Of all locales, so that one's longer copy makes the others' type anew, in one size.
        "lettering": [[vars(copy) for copy in found] for found in copies],
        "logo": logo,
        "fonts": {locale: fonts.identity for locale, fonts in context.fonts.items()},
    }
    if any(copy.texts for found in copies for copy in found):
        facts["line_breaks"] = LINE_BREAKS_VERSION
    if signer is not None:
        facts["signing"] = SIGNING_VERSION
    if not with_heads:
        facts["heads"] = "not recorded"
    if context.campaign.markets:
        facts["disclosure"] = _disclosure_facts(context)
    elif context.need.declarations != _packaged_declarations(context):
        # Without markets no rule holds; a table of one's own may have other declarations.
        facts["declarations"] = context.need.declarations
    if context.brand.blocking_checks:
        facts["blocking"] = sorted(context.brand.blocking_checks)
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _packaged_declarations(context: RenderContext) -> Mapping[str, Mapping[str, str]]:
    table = load_packaged_table()
    return need_of(context.brand, context.campaign, context.shot, table).declarations


def _disclosure_facts(context: RenderContext) -> dict[str, Any]:
    """What decides the labels, and what records say of them."""
    served = (ALL_LOCALES, *locales_of(context.prompt, context.campaign))
    return {
        "version": LABEL_VERSION,
        "labels": [None if spec is None else vars(spec) for spec in map(context.label, served)],
        "need": context.need.facts,
    }


@cache
def _channel_facts(channel: Channel) -> Mapping[str, Any]:
    return channel.drawn
