"""Renders the gallery page of a campaign's set, and the page that lists sets; writes no file."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from jinja2 import Environment, Template
from markupsafe import Markup

from nbp_dagster.briefs.languages import DEFAULT_LANGUAGE
from nbp_dagster.studio.checks.failure_words import tell_failure
from nbp_dagster.studio.imaging.contact_sheet import divide_sheets
from nbp_dagster.studio.manifest.manifest import (
    ALL_LOCALES,
    ChannelFacts,
    Missing,
    Picture,
    SetManifest,
    ShotFacts,
)
from nbp_dagster.studio.manifest.value_types import SafeArea
from nbp_dagster.studio.sets.html_templates import (
    format_bytes,
    hash_inline,
    humanise,
    inline_picture,
    open_templates,
    read_part,
)
from nbp_dagster.studio.sets.likeness_section import Card, build_likeness_rows
from nbp_dagster.studio.sets.picture_order import (
    LEAST_OF_GROUP,
    UNFOLDED,
    deal_out,
    find_worst,
    rank_pictures,
)
from nbp_dagster.studio.sets.set_changes import SetChanges
from nbp_dagster.studio.typography.contrast import (
    BLACK,
    LEGIBLE,
    WHITE,
    measure_contrast,
    parse_colour,
)

LIGHT_PAPER, DARK_PAPER = "#FBFAF7", "#151514"
"""The page's background in each colour scheme; `gallery.css` has the same two."""

LONG_PAGE = 60
"""Pictures and gaps from which a page has folds, and a list of its shots and channels."""

COVERS = 4
"""Pictures on a set's card in the list of sets."""

Thumb = bytes | str
"""A small picture itself, or its path relative to the page."""

_STEP, _MOST_STEPS = 0.08, 60
_PLAIN_INK = "#3A3A38"
_DARK_RULE = "@media screen and (prefers-color-scheme:dark){:root{%s}}"


@dataclass(frozen=True)
class SetCard:
    """A set as the list of sets shows it.

    Attributes:
        folder: The set's folder, relative to that of the list.
        manifest: The set's manifest.
        thumbs: sha256 of each cover picture to its thumbnail.
    """

    folder: str
    manifest: SetManifest
    thumbs: Mapping[str, bytes]


@dataclass(frozen=True)
class _Group:
    """The pictures and missing prompts of one shot or one channel, which `facts` describes.

    `number` is its place in the brief, `cards` are in the page's order. So many of each as
    `cards_shown` and `missing_shown` say are unfolded; all where these are None.
    """

    number: int
    facts: Any
    cards: tuple[Card, ...]
    missing: tuple[Missing, ...]
    cards_shown: int | None = None
    missing_shown: int | None = None

    @property
    def folded(self) -> int:
        """How many of its pictures and missing prompts are folded."""
        cards, missing = self.cards[: self.cards_shown], self.missing[: self.missing_shown]
        return len(self.cards) + len(self.missing) - len(cards) - len(missing)

    @property
    def attention(self) -> int:
        """How many of its pictures and missing prompts need a look."""
        return len(self.missing) + sum(bool(card.picture.failed_checks) for card in self.cards)


def render_gallery(
    manifest: SetManifest, *, thumbs: Mapping[str, Thumb], changes: SetChanges | None = None
) -> str:
    """Return the set's page: one HTML document that makes no network request.

    Styles, script and the thumbnails that are given as bytes are inline and admitted by a
    Content-Security-Policy of their hashes; the rest is linked by its path within the folder.

    Args:
        thumbs: sha256 of a rendition or of a character's sheet to its thumbnail (any size; the
            page shows it up to 640 pixels wide). A rendition without one is shown by its file.
        changes: How it compares with the set before; None where there was none.
    """
    sizes = dict.fromkeys((row.width, row.height) for row in manifest.pictures)
    shapes = {size: number for number, size in enumerate(sizes)}
    cards = _cards(manifest, thumbs, shapes)
    if changes is not None:
        cards = tuple(replace(card, change=changes.pictures[card.picture.file]) for card in cards)
    worst_first = sorted(cards, key=lambda card: card.number)
    sheets = _character_sheets(manifest, thumbs)
    style = read_part("gallery.css") + _theme(manifest.brand.palette) + _geometry(manifest, shapes)
    script = read_part("gallery.js")
    is_long = len(cards) + len(manifest.missing) >= LONG_PAGE
    fold = _fold if is_long else list
    return read_template().render(
        set=manifest,
        channels={channel.id: channel for channel in manifest.channels},
        by_shot=fold(_by_shot(manifest, worst_first)),
        by_channel=fold(_by_channel(manifest, worst_first)),
        sheets=sheets,
        likeness_rows=build_likeness_rows(manifest, cards, sheets),
        contact_sheets=tuple(divide_sheets(len(manifest.pictures))),
        character_names={each.id: each.name for each in manifest.characters},
        framed=any(channel.safe_area != SafeArea() for channel in manifest.channels),
        boxed=any(row.boxes for row in manifest.pictures),
        mixed=manifest.simulated and not all(row.simulated for row in manifest.pictures),
        models=list(dict.fromkeys(row.model for row in manifest.pictures)),
        attention=len(manifest.missing) + sum(bool(card.picture.failed_checks) for card in cards),
        is_long=is_long,
        unfolded=UNFOLDED,
        least_of_group=LEAST_OF_GROUP,
        changes=changes,
        is_ranked=any(card.picture.failed_checks for card in cards),
        view=[_view(card) for card in worst_first],
        policy=_policy(style=style, script=script),
        style=Markup(style),
        script=Markup(script),
    )


@cache
def read_template() -> Template:
    """Return the page's compiled template; compiling takes a third of a second, once."""
    return _environment().get_template("gallery.html.j2")


def render_index(cards: Sequence[SetCard]) -> str:
    """Return the page that lists sets, in the order given, each linked to its own page."""
    style = read_part("gallery.css") + _theme({})
    entries = [(card, [_source(thumb) for thumb in card.thumbs.values()]) for card in cards]
    template = _environment().get_template("index.html.j2")
    return template.render(entries=entries, policy=_policy(style=style), style=Markup(style))


def choose_covers(manifest: SetManifest) -> tuple[Picture, ...]:
    """Return the few cover pictures of a set: of different shots, as far as there are."""
    first_of_shot = {row.shot: row for row in reversed(manifest.pictures)}
    leading = [first_of_shot[each.id] for each in manifest.shots if each.id in first_of_shot]
    distinct = {row.sha256: row for row in (*leading, *manifest.pictures)}
    return tuple(distinct.values())[:COVERS]


def readable_on(colour: str, background: str) -> str:
    """Return the colour, moved toward black or white until small text in it can be read.

    Args:
        colour: "#RRGGBB".
        background: "#RRGGBB"; decides the direction.
    """
    ground = parse_colour(background)
    target = max(WHITE, BLACK, key=lambda each: measure_contrast(each, ground))
    candidate = parse_colour(colour)
    for _ in range(_MOST_STEPS):
        if measure_contrast(candidate, ground) >= LEGIBLE:
            break
        red, green, blue = (
            round(old + (new - old) * _STEP) for old, new in zip(candidate, target, strict=True)
        )
        candidate = (red, green, blue)
    return "#{:02X}{:02X}{:02X}".format(*candidate)


def _cards(
    manifest: SetManifest, thumbs: Mapping[str, Thumb], shapes: Mapping[tuple[int, int], int]
) -> tuple[Card, ...]:
    """Return the cards of all pictures, in the set's order, numbered in the page's."""
    channels = {each.id: (number, each) for number, each in enumerate(manifest.channels)}
    shots = {each.id: each for each in manifest.shots}
    cards = []
    for number, row in zip(rank_pictures(manifest.pictures), manifest.pictures, strict=True):
        channel_number, channel = channels[row.channel]
        thumb = thumbs.get(row.sha256)
        card = Card(
            number=number,
            picture=row,
            channel=channel,
            channel_number=channel_number,
            shot=shots[row.shot],
            shape=shapes[row.width, row.height],
            alt=_describe(row, channel, shots[row.shot]),
            source=_source(thumb or row.file),
            is_linked=not isinstance(thumb, bytes),
        )
        cards.append(card)
    return tuple(cards)


def _character_sheets(manifest: SetManifest, thumbs: Mapping[str, Thumb]) -> Mapping[str, str]:
    wanted = (digest for each in manifest.characters for digest in each.sheets)
    return {digest: _source(thumbs[digest]) for digest in wanted if digest in thumbs}


def _by_shot(manifest: SetManifest, cards: Sequence[Card]) -> list[_Group]:
    shown, missing = defaultdict(list), defaultdict(list)
    for card in cards:
        shown[card.shot.id].append(card)
    for row in manifest.missing:
        missing[row.shot].append(row)
    return _rank_groups(
        _Group(number, shot, tuple(shown[shot.id]), tuple(missing[shot.id]))
        for number, shot in enumerate(manifest.shots, start=1)
    )


def _by_channel(manifest: SetManifest, cards: Sequence[Card]) -> list[_Group]:
    return _rank_groups(
        _Group(
            number=number,
            facts=channel,
            cards=tuple(card for card in cards if card.channel.id == channel.id),
            missing=tuple(row for row in manifest.missing if channel.id in row.channels),
        )
        for number, channel in enumerate(manifest.channels, start=1)
    )


def _rank_groups(groups: Iterable[_Group]) -> list[_Group]:
    """Return groups by their worst picture; those alike stay in the order given."""
    return sorted(
        groups, key=lambda group: find_worst(card.picture for card in group.cards), reverse=True
    )


def _fold(groups: Sequence[_Group]) -> list[_Group]:
    """Return groups of a long page, of which only the first pictures and gaps are unfolded."""
    dealt = deal_out([len(group.cards) for group in groups])
    gaps = deal_out([min(len(group.missing), LEAST_OF_GROUP) for group in groups])
    return [
        replace(group, cards_shown=shown, missing_shown=missing)
        for group, shown, missing in zip(groups, dealt, gaps, strict=True)
    ]


def _describe(row: Picture, channel: ChannelFacts, shot: ShotFacts) -> str:
    """Return a picture's alternative text, its channel before it."""
    place = channel.name if row.locale == ALL_LOCALES else f"{channel.name}, {row.locale}"
    own = row.alt_texts.get(row.locale.replace("_", "-"))
    return f"{place}: {own or row.alt_texts.get(DEFAULT_LANGUAGE, shot.scene)}"


def _view(card: Card) -> Mapping[str, Any]:
    """Return what the script needs to show a picture large."""
    row = card.picture
    parts = [humanise(row.shot), card.channel.name]
    parts += [row.locale.upper()] if row.locale != ALL_LOCALES else []
    parts += [f"variant {row.variant}"] if row.variant > 1 else []
    return {
        "title": " · ".join(parts),
        "alt": card.alt,
        "file": row.file,
        "label": f"{row.width} × {row.height} pixels, {format_bytes(row.bytes)}",
        "width": row.width,
        "height": row.height,
        "channel": card.channel_number,
        "boxes": [[each.kind, *each.box] for each in row.boxes],
    }


def _theme(palette: Mapping[str, str]) -> str:
    """Return custom properties of a brand colour that is legible as text, for each scheme.

    The first of the brand's two leading colours that is legible unchanged; else the first one,
    moved toward black or white until it is.
    """
    leading = list(palette.values())[:2] or [_PLAIN_INK]
    lines = []
    for paper, rule in ((LIGHT_PAPER, ":root{%s}"), (DARK_PAPER, _DARK_RULE)):
        readable = [each for each in leading if readable_on(each, paper) == each.upper()]
        ink = readable_on([*readable, *leading][0], paper)
        # Contrast is symmetric: text in the paper's colour is legible on this one.
        lines.append(rule % f"--brand-ink:{ink};--on-brand-ink:{paper}")
    return "\n" + "\n".join(lines) + "\n"


def _geometry(manifest: SetManifest, shapes: Mapping[tuple[int, int], int]) -> str:
    """Return classes for picture shapes and safe areas, as the policy admits no inline styles."""
    rules = [
        f".shape-{number}{{--ratio:{width / height:.5f};--native:{width}px}}"
        for (width, height), number in shapes.items()
    ]
    for number, channel in enumerate(manifest.channels):
        area = channel.safe_area
        edges = {
            "top": area.top / channel.height,
            "right": area.right / channel.width,
            "bottom": area.bottom / channel.height,
            "left": area.left / channel.width,
        }
        values = ";".join(f"--safe-{edge}:{share:.3%}" for edge, share in edges.items())
        rules.append(f".channel-{number}{{{values}}}")
    return "\n".join(rules) + "\n"


def _policy(**inline: str) -> str:
    """Return the Content-Security-Policy that admits exactly these inline texts and local pictures.

    `file:` is named because browsers differ on whether 'self' covers a page opened from a disk.
    """
    sources = "".join(f"{kind}-src {hash_inline(text)}; " for kind, text in inline.items())
    return (
        f"default-src 'none'; {sources}img-src 'self' data: file:; "
        "base-uri 'none'; form-action 'none'"
    )


def _source(thumb: Thumb) -> str:
    return thumb if isinstance(thumb, str) else inline_picture(thumb)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _plain_json(value: Any) -> str:
    """Return a parameter or figure as one readable line; not meant to be parsed."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@cache
def _environment() -> Environment:
    environment = open_templates()
    environment.filters.update(
        failure=tell_failure,
        plain=_plain_json,
        sentence=lambda words: words[:1].upper() + words[1:],
    )
    environment.globals.update(plural=_plural, all_locales=ALL_LOCALES)
    return environment
