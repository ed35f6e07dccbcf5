"""Small folders of briefs, written for one test."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

BRAND: Mapping[str, Any] = {
    "id": "hilltop",
    "name": "Hilltop Tea",
    "voice": "calm",
    "style": "bright watercolour",
    "palette": {"primary": "#114477", "accent": "#FFAA00", "neutral": "#F4F0E8"},
    "typography": "humanist sans serif",
    "characters": {
        "ada": {
            "name": "Ada",
            "traits": ["woman in her fifties", "silver bob", "green scarf"],
            "may_vary": ["pose"],
            "auto_pin": True,
        },
        "ben": {
            "name": "Ben",
            "traits": ["tall man", "red beard"],
            "may_vary": ["pose"],
            "auto_pin": True,
        },
    },
}

# A folder's own disclosure.yaml: what another field of Meta is told.
OWN_DECLARATION = """declarations:
  meta:
    override: true
    platform: Meta
    field: ai_flag
    value: "1"
    otherwise: "0"
    when: any
    source: our account manager
    checked_on: 2026-11-28
    mark: B
"""


def shot(name: str, *, scene: str = "", characters: Sequence[str] = ("ada",)) -> dict[str, Any]:
    """A wordless shot."""
    return {
        "id": name,
        "scene": scene or f"Ada pours tea in the {name}",
        "characters": list(characters),
        "text": "none",
    }


def campaign(*shots: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """A campaign of the brand above: one channel, small pictures."""
    return {
        "id": "winter",
        "brand": "hilltop",
        "objective": "the winter blend",
        "locales": ["en"],
        "channels": ["instagram_square"],
        "resolution": "1K",
        "budget_usd": 50,
        "shots": [dict(item) for item in shots],
        **changes,
    }


def write_briefs(
    folder: Path, *campaigns: Mapping[str, Any], brand: Mapping[str, Any] = BRAND
) -> Path:
    """Write the brand and the campaigns; returns the folder."""
    _write(folder / "brands" / f"{brand['id']}.yaml", brand)
    for item in campaigns:
        _write(folder / "campaigns" / f"{item['id']}.yaml", item)
    return folder


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(dict(content), sort_keys=False), encoding="utf-8")
