"""Which pictures of a set a page shows: filters and pages from a query; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from nbp_dagster.studio.manifest.manifest import SetManifest
from nbp_dagster.studio.review.approvals import APPROVAL_STATES, ReviewedPicture

PAGE_SIZE: Final = 60
"""Pictures of a page: what a browser shows at once, and thumbnails of about 1 MB."""

# A filter that matches anything that needs a look.
ANY_FAULT: Final = "any"


@dataclass(frozen=True)
class Selection:
    """What a page shows; an empty filter matches everything.

    Attributes:
        state: An approval state.
        check: Name of a check that failed, or "any".
        page: From 1.
    """

    state: str = ""
    check: str = ""
    shot: str = ""
    channel: str = ""
    locale: str = ""
    character: str = ""
    page: int = 1

    @property
    def query(self) -> str:
        """The selection as a query, without what is not set."""
        named = {name: value for name, value in vars(self).items() if name != "page" and value}
        return urlencode({**named, **({"page": self.page} if self.page > 1 else {})})

    def at(self, page: int) -> "Selection":
        """Return the same selection at another page."""
        return replace(self, page=page)

    def without_page(self) -> "Selection":
        """Return the same selection at its first page."""
        return replace(self, page=1)


@dataclass(frozen=True)
class Page:
    """The pictures of one page.

    Attributes:
        selection: What was asked for, at a page that there is.
        rows: Its pictures, the worst first.
        total: Pictures of all pages.
        pages: How many there are, at least 1.
    """

    selection: Selection
    rows: tuple[ReviewedPicture, ...]
    total: int
    pages: int


def read_selection(query: Mapping[str, str]) -> Selection:
    """Return the selection of a query; what can't be understood there is left out."""
    state = query.get("state", "")
    page = query.get("page", "")
    return Selection(
        state=state if state in APPROVAL_STATES else "",
        check=query.get("check", ""),
        shot=query.get("shot", ""),
        channel=query.get("channel", ""),
        locale=query.get("locale", ""),
        character=query.get("character", ""),
        page=max(1, int(page)) if page.isdecimal() and len(page) < 7 else 1,
    )


def select_pictures(
    manifest: SetManifest, rows: Sequence[ReviewedPicture], selection: Selection
) -> Page:
    """Return one page of the pictures that a selection matches, in the order given."""
    cast = {shot.id: shot.characters for shot in manifest.shots}
    found = [row for row in rows if _matches(row, selection, cast)]
    pages = max(1, -(-len(found) // PAGE_SIZE))
    number = min(selection.page, pages)
    shown = found[(number - 1) * PAGE_SIZE : number * PAGE_SIZE]
    return Page(selection.at(number), tuple(shown), len(found), pages)


def _matches(row: ReviewedPicture, wanted: Selection, cast: Mapping[str, tuple[str, ...]]) -> bool:
    picture = row.picture
    failed = {check.name for check in picture.failed_checks}
    return (
        wanted.state in ("", row.state)
        and wanted.shot in ("", picture.shot)
        and wanted.channel in ("", picture.channel)
        and wanted.locale in ("", picture.locale)
        and (not wanted.character or wanted.character in cast.get(picture.shot, ()))
        and (
            not wanted.check
            or wanted.check in failed
            or (wanted.check == ANY_FAULT and bool(failed))
        )
    )
