"""What a web page says of the brand behind it; runs nothing, and follows no link."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Final

from nbp_dagster.foreign_text import clean, read_json

MAX_CHARACTERS: Final = 4_000_000
"""Of a page no more is read."""

_MAX_SVG: Final = 200_000  # characters of a logo within a page
_MAX_TEXT: Final = 300
_DEEP: Final = 60  # elements that are looked up for the one that ends
# The parser spends the square of their number on what is begun with <! and never ended. Old pages
# put style sheets into comments, for browsers that knew none.
_COMMENT: Final = re.compile(
    r"(<(?:style|script)[^>]{0,200}>\s{0,40})?<!--(.*?)(?:-->|$)", re.IGNORECASE | re.DOTALL
)
_DECLARATION: Final = re.compile(r"<[!?][^>]*>?")
_NEAR: Final = 4  # elements around a picture that may say it is the logo
_CHARSET: Final = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9._-]{2,20})", re.IGNORECASE)
_LOGO: Final = re.compile(r"logo|wordmark|site-?title|brand(?:ing)?\b", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"([^\s=/>\"']+)(?:\s*=\s*(\"[^\"]*\"|'[^']*'|[^\s>\"']+))?")
_VOID: Final = frozenset(
    [
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    ]
)
_ORGANISATIONS: Final = (
    "Organization", "Corporation", "LocalBusiness", "Brand", "Store", "Restaurant", "NGO",
    "WebSite", "OnlineStore", "Hotel", "CafeOrCoffeeShop", "Bakery", "EducationalOrganization",
)  # fmt: skip


@dataclass(frozen=True)
class LogoMark:
    """Something on a page that may be the logo.

    Attributes:
        origin: Where on the page it stands.
        address: As the page has it; empty for a drawing within the page.
        svg: The drawing itself.
        alt: What it is called.
    """

    origin: str
    address: str = ""
    svg: str = ""
    alt: str = ""


@dataclass
class Page:
    """What one page says; texts are cleaned and cut.

    Attributes:
        base: What its addresses start from, where it says so.
        title: Its title.
        meta: First content of each meta element, by lower-case name, property or http-equiv.
        languages: Language codes with where each was found, in order.
        stylesheets: Addresses of its style sheets.
        manifest: Address of its web app manifest.
        styles: Texts of its style elements.
        logos: What may be the logo, the likeliest first.
        headings: Text of its first-level headings.
        organisations: Linked data (JSON-LD) about who is behind it.
    """

    base: str = ""
    title: str = ""
    meta: dict[str, str] = field(default_factory=dict)
    languages: list[tuple[str, str]] = field(default_factory=list)
    stylesheets: list[str] = field(default_factory=list)
    manifest: str = ""
    styles: list[str] = field(default_factory=list)
    logos: list[LogoMark] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    organisations: list[Mapping[str, Any]] = field(default_factory=list)


def read_page(data: bytes) -> Page:
    """Return what a page says; damaged markup is read as far as it goes."""
    reader = _Reader()
    text = _COMMENT.sub(
        lambda found: found[1] + found[2] if found[1] else "", _decode(data)[:MAX_CHARACTERS]
    )
    reader.feed(_DECLARATION.sub("", text))
    reader.close()
    return reader.finish()


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        declared = _CHARSET.search(data[:2048])
    try:
        return data.decode(declared[1].decode() if declared else "cp1252", errors="replace")
    except LookupError:
        return data.decode("cp1252", errors="replace")


class _Reader(HTMLParser):
    """Collects a `Page` while it is parsed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._open: list[tuple[str, bool]] = []  # element, and whether its attributes say logo
        self._text: list[str] | None = None  # of the element that is collected now
        self._svg: list[str] | None = None
        self._svg_open: list[str] = []  # names as written: XML tells linearGradient by its capital
        self._svg_rank: int | None = None
        self._marks: list[tuple[int, LogoMark]] = []

    def finish(self) -> Page:
        """Return the page, with the likeliest logo first."""
        ranked = sorted(self._marks, key=lambda mark: mark[0])
        for mark in self._linked_logos():
            self.page.logos.append(mark)
        self.page.logos += [mark for _, mark in ranked]
        return self.page

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in reversed(attrs)}
        if self._svg is not None:
            self._extend_svg()
            return
        if tag == "svg":
            self._begin_svg(attributes)
            return
        # WordPress has it on the whole body.
        says_logo = tag not in ("html", "body", "main") and any(
            _LOGO.search(attributes.get(name, "")) for name in ("class", "id", "aria-label", "rel")
        )
        if tag not in _VOID:
            self._open.append((tag, says_logo))
        handler = getattr(self, f"_on_{tag}", None)
        if handler is not None:
            handler(attributes)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._svg is not None:
            self._svg.append(_to_xml(self.get_starttag_text() or ""))
        else:
            self.handle_starttag(tag, attrs)
            if tag not in _VOID:
                self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._svg is not None:
            if tag in (name.lower() for name in self._svg_open[-_DEEP:]):
                while (name := self._svg_open.pop()).lower() != tag:
                    self._svg.append(f"</{name}>")
                self._svg.append(f"</{name}>")
            if not self._svg_open:
                self._end_svg()
            return
        if tag in ("title", "h1", "style", "script"):
            self._end_text(tag)
        for place in range(len(self._open) - 1, max(len(self._open) - _DEEP, 0) - 1, -1):
            if self._open[place][0] == tag:
                del self._open[place:]
                break

    def handle_data(self, data: str) -> None:
        if self._text is not None and self._svg is None:
            self._text.append(data)

    # What an element says.

    def _on_html(self, attributes: Mapping[str, str]) -> None:
        self._add_language(attributes.get("lang", ""), "the lang of its html element")

    def _on_base(self, attributes: Mapping[str, str]) -> None:
        self.page.base = self.page.base or attributes.get("href", "")

    def _on_meta(self, attributes: Mapping[str, str]) -> None:
        name = next(
            (attributes[key] for key in ("name", "property", "http-equiv") if key in attributes), ""
        ).lower()
        content = clean(attributes.get("content", ""), max_chars=_MAX_TEXT)
        # The colour of a dark page comes second, where there is another.
        is_dark = "dark" in attributes.get("media", "")
        if name and content and not is_dark:
            self.page.meta.setdefault(name, content)
        if name in ("og:locale", "og:locale:alternate", "content-language"):
            self._add_language(content, f"its {name}")

    def _on_link(self, attributes: Mapping[str, str]) -> None:
        kinds, address = attributes.get("rel", "").lower().split(), attributes.get("href", "")
        if not address:
            return
        if "stylesheet" in kinds and "print" not in attributes.get("media", ""):
            self.page.stylesheets.append(address)
        elif "alternate" in kinds and attributes.get("hreflang"):
            self._add_language(attributes["hreflang"], "its hreflang links")
        elif "manifest" in kinds:
            self.page.manifest = self.page.manifest or address
        elif "mask-icon" in kinds and attributes.get("color"):
            self.page.meta.setdefault("mask-icon color", attributes["color"])
        elif "apple-touch-icon" in kinds:
            self._marks.append((6, LogoMark("its apple-touch-icon", address)))
        elif "icon" in kinds and not address.endswith(".ico"):
            self._marks.append((5 if "svg" in address[-60:] else 7, LogoMark("its icon", address)))

    def _on_img(self, attributes: Mapping[str, str]) -> None:
        address = attributes.get("src", "")
        if address.startswith("data:") or not address:
            address = attributes.get("data-src", address)
        alt = clean(attributes.get("alt", ""), max_chars=80)
        own = any(_LOGO.search(attributes.get(name, "")[-200:]) for name in ("src", "class", "id"))
        called = "logo" in alt.lower()
        rank = self._rank_place(says_logo=own or called)
        if rank is not None and address:
            self._marks.append((rank, LogoMark("an img", address, alt=alt)))

    def _on_title(self, attributes: Mapping[str, str]) -> None:
        self._text = []

    def _on_h1(self, attributes: Mapping[str, str]) -> None:
        self._text = []

    def _on_style(self, attributes: Mapping[str, str]) -> None:
        self._text = []

    def _on_script(self, attributes: Mapping[str, str]) -> None:
        is_data = attributes.get("type", "").lower().partition(";")[0] == "application/ld+json"
        self._text = [] if is_data else None

    # How it is kept.

    def _end_text(self, tag: str) -> None:
        if self._text is None:
            return
        whole = "".join(self._text)
        self._text = None
        if tag == "style":
            self.page.styles.append(whole)
        elif tag == "script":
            self.page.organisations += _find_organisations(read_linked_data(whole))
        elif tag == "title" and not self.page.title:
            self.page.title = clean(whole, max_chars=_MAX_TEXT)
        elif tag == "h1" and (text := clean(" ".join(whole.split()), max_chars=_MAX_TEXT)):
            self.page.headings.append(text)

    def _add_language(self, code: str, origin: str) -> None:
        for each in code.split(","):
            if 2 <= len(each.strip()) <= 12:
                self.page.languages.append((each.strip(), origin))

    def _rank_place(self, *, says_logo: bool) -> int | None:
        """Return how likely what stands here is the logo, 0 most; None where it is not."""
        within_logo = any(says for _, says in self._open[-_NEAR:])
        within_head = any(tag in ("header", "nav") for tag, _ in self._open)
        if says_logo or within_logo:
            return 0 if within_head else 2
        in_link = bool(self._open) and self._open[-1][0] == "a"
        return 3 if within_head and in_link else None

    def _begin_svg(self, attributes: Mapping[str, str]) -> None:
        label = " ".join(attributes.get(name, "") for name in ("class", "id", "aria-label"))
        self._svg_rank = self._rank_place(says_logo=bool(_LOGO.search(label)))
        start = _to_xml(self.get_starttag_text() or "<svg>")
        if "xmlns=" not in start:
            start = start.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
        if "xlink:" not in start:
            start = start.replace("<svg", '<svg xmlns:xlink="http://www.w3.org/1999/xlink"', 1)
        self._svg, self._svg_open = [start], ["svg"]

    def _extend_svg(self) -> None:
        written = _to_xml(self.get_starttag_text() or "")
        name = re.match(r"<([^\s/>]+)", written)
        if self._svg is not None and name is not None:
            self._svg.append(written)
            if not written.endswith("/>"):
                self._svg_open.append(name[1])

    def _end_svg(self) -> None:
        drawing = "".join(self._svg or ())
        self._svg = None
        if self._svg_rank is not None and len(drawing) <= _MAX_SVG:
            mark = LogoMark("a drawing within the page", svg=drawing)
            self._marks.append((self._svg_rank, mark))

    def _linked_logos(self) -> Iterator[LogoMark]:
        for item in self.page.organisations:
            logo = item.get("logo")
            address = logo.get("url") if isinstance(logo, Mapping) else logo
            if isinstance(address, str) and address:
                yield LogoMark("the logo of its linked data", address)


def _to_xml(written: str) -> str:
    """Return a tag of HTML with names as written and values in quotes, as XML wants them."""
    found = re.match(r"<([^\s/>]+)", written)
    if found is None:
        return ""
    pairs = _ATTRIBUTE.findall(written[found.end() :].rstrip("/> "))
    values = {name: value.strip("\"'").replace('"', "&quot;") for name, value in pairs}
    attributes = "".join(
        f' {name}="{value}"' for name, value in values.items() if not name.startswith("@")
    )
    return f"<{found[1]}{attributes}{'/>' if written.endswith('/>') else '>'}"


def read_linked_data(text: str) -> object:
    """Return the value of a JSON text; None where it is none, or too deep."""
    try:
        return read_json(text.encode())
    except (ValueError, RecursionError):
        return None


def _find_organisations(data: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield every organisation in linked data; a website after them says its name as well."""
    if depth > 4:
        return
    if isinstance(data, list):
        for item in data[:100]:
            yield from _find_organisations(item, depth + 1)
    elif isinstance(data, Mapping):
        kinds = data.get("@type")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if any(kind in _ORGANISATIONS for kind in kinds):
            yield data
        for key in ("@graph", "publisher", "mainEntity", "brand"):
            yield from _find_organisations(data.get(key), depth + 1)
