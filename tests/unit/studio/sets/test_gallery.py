"""The gallery page is one document that asks nothing of a network and trusts no text in it."""

import base64
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from nbp_dagster.studio.manifest.manifest import Picture, SetManifest
from nbp_dagster.studio.sets.gallery import (
    COVERS,
    DARK_PAPER,
    LIGHT_PAPER,
    LONG_PAGE,
    SetCard,
    choose_covers,
    readable_on,
    render_gallery,
    render_index,
)
from nbp_dagster.studio.sets.html_templates import format_bytes, format_usd, humanise
from nbp_dagster.studio.sets.likeness_section import ITEMS_SHOWN
from nbp_dagster.studio.typography.contrast import LEGIBLE, measure_contrast, parse_colour
from tests.rigs.sets import build_long_set, build_set

SAMPLE = build_set(scale=0.05)
THUMBS = SAMPLE.thumbs(64)
PAGE = render_gallery(SAMPLE.manifest, thumbs=THUMBS)

NASTY = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(2)>&<!--\u2028"


class _Page(HTMLParser):
    """Collects what a browser would act on."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inline: dict[str, list[str]] = {"script": [], "style": []}
        self.text = ""
        self._inside: str | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in self.inline:
            self._inside = tag
            self.inline[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.inline[self._inside][-1] += data
        else:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def render(manifest: SetManifest = SAMPLE.manifest) -> _Page:
    return _Page(render_gallery(manifest, thumbs=THUMBS))


def worst_first(pictures: Sequence[Picture]) -> list[Picture]:
    """Return pictures as the page has them: by shot, the leaderboard that fails a check first."""
    shots = [shot.id for shot in SAMPLE.manifest.shots]
    return sorted(pictures, key=lambda row: (shots.index(row.shot), not row.failed_checks))


def test_the_worst_shot_comes_first_and_the_page_says_so() -> None:
    pictures = tuple(
        replace(row, checks=(replace(row.checks[0], verdict="failed"),))
        if row.shot == "market" and row.channel == "linkedin_post"
        else row
        for row in SAMPLE.manifest.pictures
    )
    page = render_gallery(replace(SAMPLE.manifest, pictures=pictures), thumbs=THUMBS)
    assert re.findall(r'<h2 id="shot-\d+-title">(\w+)', page) == ["Market", "Kitchen", "Rooftop"]
    assert re.findall(r'<h2 id="channel-(\d+)-title">', page) == ["3", "5", "1", "2", "4"]
    links = [link["href"] for link in _Page(page).all("a") if link.get("class") == "picture"]
    assert links[0] == "images/linkedin_post/market_all_16x9_v1.jpg"
    assert "errors before warnings, then those with the most" in page


def test_a_set_without_failures_is_in_the_briefs_order_and_says_nothing_of_ranks() -> None:
    pictures = tuple(replace(row, checks=row.checks[:1]) for row in SAMPLE.manifest.pictures)
    page = render(replace(SAMPLE.manifest, pictures=pictures))
    links = [link["href"] for link in page.all("a") if link.get("class") == "picture"]
    assert links == [row.file for row in pictures]
    assert "come first" not in page.text


def test_every_picture_links_its_file_and_shows_its_thumbnail() -> None:
    page = render()
    links = [link["href"] for link in page.all("a") if link.get("class") == "picture"]
    assert links == [row.file for row in worst_first(SAMPLE.manifest.pictures)]
    sources = [image["src"] for image in page.all("img") if image.get("src")]
    expected = base64.b64encode(THUMBS[SAMPLE.manifest.pictures[0].sha256]).decode()
    assert f"data:image/webp;base64,{expected}" in sources


def test_a_thumbnail_given_as_a_path_is_linked_and_loaded_when_it_is_seen() -> None:
    paths = {row.sha256: f"thumbs/{row.sha256}.jpg" for row in SAMPLE.manifest.pictures}
    page = _Page(render_gallery(SAMPLE.manifest, thumbs=paths))
    linked = [image for image in page.all("img") if (image.get("src") or "").startswith("thumbs/")]
    assert [image["src"] for image in linked] == [
        paths[row.sha256] for row in worst_first(SAMPLE.manifest.pictures)
    ]
    assert {image.get("loading") for image in linked} == {"lazy"}
    assert not [image for image in render().all("img") if image.get("loading")]


def test_nothing_on_the_page_refers_to_another_place() -> None:
    page = render()
    references = [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "action", "poster", "data") and value
    ]
    assert references
    allowed = r"data:|images/|#|manifest\.json$|contact_sheet\.jpg$"
    assert [value for value in references if not re.match(allowed, value)] == []
    assert "@import" not in page.inline["style"][0]
    assert "url(" not in page.inline["style"][0]


def test_a_picture_without_a_thumbnail_is_shown_by_its_file() -> None:
    page = _Page(render_gallery(SAMPLE.manifest, thumbs={}))
    assert SAMPLE.manifest.pictures[0].file in [image.get("src") for image in page.all("img")]


def test_the_policy_admits_exactly_the_inline_texts_of_the_page() -> None:
    page = render()
    policy = next(
        meta["content"] or ""
        for meta in page.all("meta")
        if meta.get("http-equiv") == "Content-Security-Policy"
    )
    data, script = page.inline["script"]
    for kind, text in (("script", script), ("style", page.inline["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    assert json.loads(data)[0]["file"] == worst_first(SAMPLE.manifest.pictures)[0].file


def test_the_page_has_no_inline_styles_or_handlers_the_policy_would_block() -> None:
    names = {name for _, attributes in render().tags for name in attributes}
    assert "style" not in names
    assert not {name for name in names if name.startswith("on")}


def _everywhere(manifest: SetManifest, text: str) -> SetManifest:
    """Put a text in every place of a manifest that holds free text."""
    shots = tuple(
        replace(shot, scene=text, products=(text,), copy={"headline": {"en": text}})
        for shot in manifest.shots
    )
    check = replace(
        manifest.pictures[0].checks[0], sentence=text, threshold=text, figures={text: text}
    )
    reference = replace(manifest.pictures[0].references[0], subject=text, role=text)
    pictures = tuple(
        replace(
            row,
            prompt=text,
            model=text,
            parameters={text: text},
            generation_id=text,
            prompt_key=text,
            locale=text,
            alt_texts={"x-default": text},
            checks=(check,),
            references=(reference,),
        )
        for row in manifest.pictures
    )
    return replace(
        manifest,
        name=text,
        brand=replace(manifest.brand, name=text),
        campaign=replace(
            manifest.campaign, id=text, objective=text, locales=(text, "en"), brief_path=text
        ),
        channels=tuple(replace(channel, name=text) for channel in manifest.channels),
        characters=tuple(replace(each, name=text, traits=(text,)) for each in manifest.characters),
        shots=shots,
        pictures=pictures,
        missing=tuple(replace(row, reason=text, prompt_key=text) for row in manifest.missing),
    )


def test_text_from_briefs_and_the_service_is_never_markup() -> None:
    plain, nasty = render(), render(_everywhere(SAMPLE.manifest, NASTY))
    assert len(nasty.all("script")) == len(plain.all("script")) == 2
    assert "x" not in [image.get("src") for image in nasty.all("img")]
    assert not [name for _, attributes in nasty.tags for name in attributes if "onerror" in name]
    assert "<script>alert(1)</script>" in nasty.text


def test_embedded_data_cannot_end_its_script_element() -> None:
    page = render(_everywhere(SAMPLE.manifest, NASTY))
    data = page.inline["script"][0]
    assert not re.search(r"[<>&\u2028]", data)
    assert "</script>" in json.loads(data)[0]["alt"]


def test_the_script_holds_no_end_tag() -> None:
    assert "</script" not in render().inline["script"][1].lower()


def test_the_whole_lineage_of_a_picture_is_on_the_page() -> None:
    row = SAMPLE.manifest.pictures[0]
    text = render().text
    for fact in (
        row.prompt,
        row.references[0].digest,
        row.references[1].subject,
        row.model,
        row.fingerprint,
        row.generation_id,
        row.sha256,
        row.original_sha256,
        row.prompt_key,
        SAMPLE.manifest.campaign.brief_path,
        SAMPLE.manifest.campaign.brief_sha256,
        SAMPLE.manifest.campaign.commit or "",
        "$0.134",
        "2.4 s",
        "17.9 s",
        "Resolution",
        f"{row.bytes:,} bytes",
        row.checks[0].sentence,
        "the simulator (no model was asked)",
    ):
        assert fact in text


def test_a_picture_that_fails_a_check_says_what_is_wrong_errors_first() -> None:
    first = SAMPLE.manifest.pictures[0]
    logo = replace(first.checks[1], name="logo_present", verdict="failed")
    size = replace(first.checks[0], verdict="failed")
    row = replace(first, checks=(logo, size))
    page = render_gallery(replace(SAMPLE.manifest, pictures=(row,)), thumbs=THUMBS)
    flags = re.findall(r'<span class="flag">(.+?)</span>', page)
    assert flags == ["<strong>Error:</strong> not the channel&#39;s size", "Logo not found"]
    assert "Logo present" not in page
    assert "Look:" not in page


def test_a_simulated_set_says_so_before_its_title() -> None:
    assert PAGE.index("Simulated set.") < PAGE.index("<h1>")


def test_a_live_set_has_no_banner_and_names_the_model() -> None:
    live = build_set(scale=0.05, simulated=False, shots=("kitchen",))
    page = render_gallery(live.manifest, thumbs={})
    assert "Simulated set." not in page
    assert "Pictures generated by google-nano-banana-pro." in page
    assert "billed for this set" in page


def test_a_set_with_one_simulated_picture_marks_that_picture() -> None:
    live = build_set(scale=0.05, simulated=False, shots=("kitchen",))
    first = replace(live.manifest.pictures[0], simulated=True)
    mixed = replace(live.manifest, simulated=True, pictures=(first, *live.manifest.pictures[1:]))
    page = render_gallery(mixed, thumbs={})
    assert "Some of these pictures were" in page
    assert page.count(" · simulated</span>") == 1


@pytest.mark.parametrize(
    "words",
    [
        "Refused by the service",
        "Request blocked by the content policy (PROHIBITED_CONTENT).",
        "Could not be made",
        "Stuck past its deadline of 600 s; cancelled, nothing was billed.",
        "Not made yet",
    ],
)
def test_a_missing_prompt_is_shown_in_its_place_with_its_reason(words: str) -> None:
    assert words in render().text


def test_alternative_text_tells_place_and_what_the_picture_shows_in_its_language() -> None:
    alts = [image.get("alt") for image in render().all("img")]
    assert "Instagram feed, en: The kitchen, in words for en" in alts
    assert any(alt and alt.startswith("Instagram feed: The market") for alt in alts)


def test_a_picture_of_an_earlier_version_has_its_scene_as_alternative_text() -> None:
    rows = tuple(replace(row, alt_texts={}) for row in SAMPLE.manifest.pictures)
    page = render(replace(SAMPLE.manifest, pictures=rows))
    assert "Instagram feed, en: Mira pours the first cup at a sunlit kitchen counter" in [
        image.get("alt") for image in page.all("img")
    ]


def test_totals_are_on_the_page() -> None:
    totals = re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", PAGE)
    assert dict((term, value) for term, value in totals[:5]) == {
        "pictures": "22",
        "prompts made": "22",
        "paid for by another prompt": "4",
        "missing": "3",
        "USD spent": "$0.00",
    }


def test_controls_without_a_use_are_left_out() -> None:
    single = build_set(scale=0.05, shots=("kitchen",), channels=("linkedin_post",), locales=("en",))
    controls = [button.get("data-set") for button in _buttons(single.manifest)]
    assert "locale" not in controls
    assert "group" in controls
    toggles = [button.get("data-toggle") for button in _buttons(single.manifest)]
    assert "safe" not in toggles
    assert "look" not in toggles
    assert "boxes" in toggles
    bare = replace(
        single.manifest, pictures=tuple(replace(row, boxes=()) for row in single.manifest.pictures)
    )
    assert "boxes" not in [button.get("data-toggle") for button in _buttons(bare)]
    assert 'id="viewer-boxes"' not in render_gallery(bare, thumbs={})


def _buttons(manifest: SetManifest) -> list[dict[str, str | None]]:
    return render(manifest).all("button")


def test_a_set_without_pictures_still_has_a_page() -> None:
    empty = replace(SAMPLE.manifest, pictures=(), missing=(), characters=(), shots=(), channels=())
    assert "Spring launch" in render(empty).text


def test_the_page_says_when_the_set_was_put_together() -> None:
    assert '<time datetime="2026-11-22T09:30:00+00:00">22 November 2026, 09:30 UTC</time>' in PAGE


def test_safe_areas_are_given_as_shares_of_the_channel() -> None:
    story = "--safe-top:13.021%;--safe-right:5.926%;--safe-bottom:17.708%;--safe-left:5.926%"
    assert f".channel-1{{{story}}}" in PAGE


@pytest.mark.parametrize("paper", [LIGHT_PAPER, DARK_PAPER])
@pytest.mark.parametrize(
    "colour", ["#F2B705", "#0B3D2E", "#FFFFFF", "#000000", "#808080", "#FF0000"]
)
def test_any_brand_colour_becomes_readable_on_the_paper(colour: str, paper: str) -> None:
    readable = readable_on(colour, paper)
    assert measure_contrast(parse_colour(readable), parse_colour(paper)) >= LEGIBLE


def test_a_readable_brand_colour_is_used_as_it_is() -> None:
    assert readable_on("#0B3D2E", LIGHT_PAPER) == "#0B3D2E"
    assert ":root{--brand-ink:#0B3D2E;" in PAGE
    assert "(prefers-color-scheme:dark){:root{--brand-ink:#F2B705;" in PAGE


@pytest.mark.parametrize("paper", [LIGHT_PAPER, DARK_PAPER])
def test_the_style_sheet_paints_the_papers_contrast_is_computed_for(paper: str) -> None:
    assert f"--paper: {paper};" in PAGE


@pytest.mark.parametrize(
    ("count", "text"), [(999, "999 bytes"), (214_400, "214 kB"), (1_250_000, "1.2 MB")]
)
def test_sizes_read_as_people_say_them(count: int, text: str) -> None:
    assert format_bytes(count) == text


@pytest.mark.parametrize(
    ("amount", "text"), [("0", "$0.00"), ("0.1340", "$0.134"), ("12", "$12.00"), ("1.5", "$1.50")]
)
def test_money_keeps_its_digits(amount: str, text: str) -> None:
    assert format_usd(Decimal(amount)) == text


def test_an_id_reads_as_a_title() -> None:
    assert humanise("first_cup") == "First cup"


def test_covers_are_of_different_shots_first() -> None:
    covers = choose_covers(SAMPLE.manifest)
    assert [row.shot for row in covers] == ["kitchen", "rooftop", "market", "kitchen"]
    assert len({row.sha256 for row in covers}) == COVERS


def test_the_list_of_sets_links_each_set_and_shows_its_covers() -> None:
    covers = {row.sha256: THUMBS[row.sha256] for row in choose_covers(SAMPLE.manifest)}
    page = _Page(
        render_index([SetCard(folder="spring launch", manifest=SAMPLE.manifest, thumbs=covers)])
    )
    assert [link["href"] for link in page.all("a")] == ["spring%20launch/index.html"]
    assert len(page.all("img")) == COVERS
    for words in ("1 set of pictures", "Solstice Coffee", "22 pictures", "3 missing", "simulated"):
        assert words in page.text


def test_a_list_without_sets_says_so() -> None:
    assert "No set has been made yet." in render_index([])


def test_each_character_has_a_lane_with_the_least_like_first() -> None:
    """Marked below the threshold, each leading to its picture, beside the sheet."""
    sample = build_set(scale=0.05, measured=True)
    page = render(sample.manifest)
    rows = [row for row in sample.manifest.likenesses if row.character == "mira"]
    numbers = [link["data-open"] for link in page.all("a") if link.get("class") == "rank"]
    opened = [json.loads(page.inline["script"][0])[int(number or 0)]["file"] for number in numbers]
    keys = [
        next(row.prompt_key for row in sample.manifest.pictures if row.file == file)
        for file in opened
    ]
    assert keys[: len(rows[:ITEMS_SHOWN])] == [row.prompt_key for row in rows[:ITEMS_SHOWN]]
    marked = [item for item in page.all("li") if item.get("class") == "drifts"]
    assert len(marked) == sum(not row.is_like for row in sample.manifest.likenesses)
    assert "Likeness to the sheet" in page.text
    assert "not calibrated" in page.text


def test_a_lane_says_what_decided_and_what_is_in_doubt() -> None:
    """A face's word is marked as such; who is unsure or without an opinion is not called unlike."""
    sample = build_set(scale=0.05, measured=True)
    answers = ("same", "unsure", "no opinion", "other")
    paths = ("face", "face", "none", "body")
    mira = [row for row in sample.manifest.likenesses if row.character == "mira"]
    rows = [
        replace(row, answer=answer, path=path, distance=0.5 if path == "face" else None)
        for row, answer, path in zip(mira, answers, paths, strict=False)
    ]
    assert len(rows) == len(answers)
    page = render(replace(sample.manifest, likenesses=tuple(rows)))
    shown = [link for link in page.all("a") if link.get("class") == "rank"]
    assert len(shown) == len(answers)
    assert page.text.count("by face") == 2
    flags = page.text[page.text.index("Likeness to the sheet") :]
    for mark in ("unsure", "no opinion", "unlike"):
        assert mark in flags


def test_a_set_that_nobody_measured_has_no_lanes() -> None:
    """No heading over nothing."""
    assert "Likeness" not in render().text


@pytest.mark.parametrize(("pictures", "lists"), [(LONG_PAGE - 1, 0), (LONG_PAGE, 2)])
def test_a_long_page_has_a_list_to_jump_from(pictures: int, lists: int) -> None:
    """One of shots and one of channels; every place on either can be reached."""
    manifest = build_long_set(pictures, shots=6).manifest
    page = _Page(render_gallery(manifest, thumbs={}))
    links = [
        href for link in page.all("a") if re.match("#(shot|channel)-", href := link["href"] or "")
    ]
    assert len(links) == (len(manifest.shots) + len(manifest.channels) if lists else 0)
    ids = {attributes.get("id") for _, attributes in page.tags}
    assert {link[1:] for link in links} <= ids


def test_the_list_counts_pictures_and_what_needs_a_look() -> None:
    page = render_gallery(build_long_set(LONG_PAGE, shots=6).manifest, thumbs={})
    found = re.search(r'<a href="#shot-1">(.+?)</a>', page)
    assert found
    assert re.sub("<[^>]+>", "", found[1]) == "Scene 1 10 pictures 2 to look at"


@pytest.mark.parametrize(("pictures", "folded"), [(LONG_PAGE - 1, 0), (LONG_PAGE, 24)])
def test_a_long_page_folds_what_is_beyond_its_first_pictures(pictures: int, folded: int) -> None:
    """Every picture is on the page, once."""
    manifest = build_long_set(pictures, shots=6).manifest
    html = render_gallery(manifest, thumbs={})
    links = [link["href"] for link in _Page(html).all("a") if link.get("class") == "picture"]
    assert sorted(str(link) for link in links) == sorted(row.file for row in manifest.pictures)
    folds = re.findall(r'<span class="amount">(\d+) more</span> of Scene', html)
    assert sum(map(int, folds)) == folded


def test_many_gaps_are_folded_too() -> None:
    manifest = build_long_set(3, shots=1).manifest
    gaps = tuple(
        replace(SAMPLE.manifest.missing[0], shot="scene_1", prompt_key=f"a/b/{number}")
        for number in range(LONG_PAGE)
    )
    html = render_gallery(replace(manifest, missing=gaps), thumbs={})
    assert f'<span class="amount">{LONG_PAGE - 4} more</span> of Scene 1' in html
