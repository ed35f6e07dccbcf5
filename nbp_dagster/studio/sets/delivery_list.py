"""Lists a set's files for whoever uploads them, with what each platform asks to declare, as CSV."""

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Final, get_args

from nbp_dagster.briefs.languages import DEFAULT_LANGUAGE
from nbp_dagster.briefs.models import CopyField
from nbp_dagster.studio.manifest.manifest import Picture, SetManifest
from nbp_dagster.studio.manifest.value_types import LogoFacts

DELIVERY: Final = "delivery.csv"
"""The list's name in the set's folder."""

# Spreadsheets read what begins with one of these as a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def render_delivery(manifest: SetManifest) -> str:
    """Return one row a rendition: its file, its label, and every declaration under its own name.

    A row for each logo file comes last: it is not made with AI, so it has nothing to declare.
    A declaration's column is `<id>: <field>`, as the same field belongs to several platforms.
    """
    copies = {shot.id: shot.copy for shot in manifest.shots}
    campaign = manifest.campaign.id
    rows = [_row(campaign, picture, copies[picture.shot]) for picture in manifest.pictures]
    rows += [_logo_row(logo) for logo in manifest.logos]
    names = dict.fromkeys(name for row in rows for name in row)
    target = io.StringIO()
    writer = csv.DictWriter(target, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return target.getvalue()


def _row(
    campaign: str, picture: Picture, copy: Mapping[str, Mapping[str, str]]
) -> Mapping[str, str]:
    asked = picture.disclosure
    label = asked.label
    cells = {
        "file": picture.file,
        "channel": picture.channel,
        "locale": picture.locale,
        "width": str(picture.width),
        "height": str(picture.height),
        "bytes": str(picture.bytes),
        "sha256": picture.sha256,
        "simulated": _tell(picture.simulated),
        "synthetic_performer": _tell(asked.is_synthetic_performer),
        "rules": " ".join(asked.rules),
        "label": "" if label is None else label.words or f"icon {label.icon}",
        "label_off": asked.off or "",
        "variant_id": variant_id(campaign, picture),
        **{name: copy.get(name, {}).get(picture.locale, "") for name in get_args(CopyField)},
        "alt_text": _alt_text(picture),
        **dict(_declarations(picture)),
    }
    return {name: _plain(text) for name, text in cells.items()}


def _logo_row(logo: LogoFacts) -> Mapping[str, str]:
    return {
        "file": logo.file,
        "channel": "logo",
        "width": str(logo.width),
        "height": str(logo.height),
        "bytes": str(logo.bytes),
        "sha256": logo.sha256,
        "simulated": "no",
        "synthetic_performer": "no",
    }


def variant_id(campaign: str, picture: Picture) -> str:
    """Return what names a rendition for good: it stays when the picture is made again."""
    place = f"{picture.shot}/{picture.channel}/{picture.locale}"
    return f"{campaign}/{place}/v{picture.variant}"


def _alt_text(picture: Picture) -> str:
    texts = picture.alt_texts
    return texts.get(picture.locale.replace("_", "-")) or texts.get(DEFAULT_LANGUAGE) or ""


def _declarations(picture: Picture) -> Iterator[tuple[str, str]]:
    for platform, fields in picture.disclosure.declarations.items():
        for name, value in fields.items():
            yield f"{platform}: {name}", value


def _tell(holds: bool) -> str:
    return "yes" if holds else "no"


def _plain(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
