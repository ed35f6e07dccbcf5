"""A stranger at the review page: nothing is shown that is not theirs, nothing is changed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.rigs.reviews import CAMPAIGN, TOKEN, ReviewRig, open_review_rig
from tests.rigs.sets import SHOTS, build_set

SCRIPT = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
SAMPLE = build_set(shots=("kitchen",), channels=("instagram_feed",))
FIRST = SAMPLE.manifest.pictures[0]
POSTS = ("decide", "undo", "choose")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewRig]:
    folder = tmp_path_factory.mktemp("attacks")
    (folder / "secret.txt").write_text("classified")
    (folder / "sets").mkdir()
    (folder / "sets" / "secret.jpg").write_bytes(SAMPLE.data[FIRST.sha256])
    with open_review_rig(folder, sample=SAMPLE, token=TOKEN, default_name="") as opened:
        yield opened


@pytest.fixture
def open_rig(tmp_path: Path) -> Iterator[ReviewRig]:
    (tmp_path / "secret.txt").write_text("classified")
    with open_review_rig(tmp_path, sample=SAMPLE) as opened:
        yield opened


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/c/{CAMPAIGN}",
        f"/c/{CAMPAIGN}/picture?file={FIRST.file}",
        f"/c/{CAMPAIGN}/file?file={FIRST.file}",
        f"/c/{CAMPAIGN}/thumb?file={FIRST.file}",
        f"/c/{CAMPAIGN}/original?file={FIRST.file}",
        f"/c/{CAMPAIGN}/sheet/{SAMPLE.manifest.characters[0].sheets[0]}",
    ],
)
def test_without_the_token_nothing_is_shown(rig: ReviewRig, path: str) -> None:
    answer = rig.browser(peer="203.0.113.9").get(path)

    assert answer.status_code == 403
    assert answer.headers["content-type"].startswith("text/html")
    for hidden in ("kitchen", "Spring", "soft morning light", TOKEN):
        assert hidden not in answer.text.replace(f'value="{path.split("?")[0]}"', "")


@pytest.mark.parametrize("path", POSTS)
def test_without_the_token_nothing_is_changed(rig: ReviewRig, path: str) -> None:
    browser = rig.browser(peer="203.0.113.9")
    browser.get("/")
    fields = {"file": FIRST.file, "sha256": FIRST.sha256, "number": "0", "verdict": "approved"}

    answer = browser.post(f"/c/{CAMPAIGN}/{path}", fields)

    assert answer.status_code == 403
    assert {row.number for row in rig.reviews.open(CAMPAIGN).rows} == {0}


@pytest.mark.parametrize("key", ["", "wrong", None])
@pytest.mark.parametrize("path", POSTS)
def test_a_form_that_was_not_on_a_page_of_this_browser_changes_nothing(
    open_rig: ReviewRig, path: str, key: str | None
) -> None:
    stranger = open_rig.browser()
    stranger.get("/")
    victim = open_rig.browser()
    fields = {**victim.look(FIRST), "verdict": "approved"}

    answer = victim.post(
        f"/c/{CAMPAIGN}/{path}", {**fields, "form_key": stranger.form_key if key is None else key}
    )

    assert answer.status_code == 403
    assert "load the page again" in answer.json()["error"]
    assert {row.number for row in open_rig.reviews.open(CAMPAIGN).rows} == {0}


@pytest.mark.parametrize(
    "file",
    [
        "../../secret.txt",
        "../secret.jpg",
        "images/../../secret.jpg",
        "/etc/passwd",
        "manifest.json",
        "images/instagram_feed/..%2f..%2fsecret.jpg",
        "\x00",
        "",
    ],
)
def test_no_file_but_the_sets_own_is_sent(open_rig: ReviewRig, file: str) -> None:
    browser = open_rig.browser()

    for kind in ("file", "thumb", "original", "earlier", "picture"):
        answer = browser.get(f"/c/{CAMPAIGN}/{kind}", params={"file": file})
        assert answer.status_code == 404
        assert b"classified" not in answer.content


@pytest.mark.parametrize(
    "path", ["/c/..%2f..%2fsecret.txt", "/c/../secret.txt", "/static/x/..%2freview.css", "/s/x"]
)
def test_no_path_leads_out(open_rig: ReviewRig, path: str) -> None:
    answer = open_rig.browser().get(path)

    assert answer.status_code in (403, 404)
    assert "classified" not in answer.text


def test_a_sheet_of_no_character_is_not_sent(open_rig: ReviewRig, tmp_path: Path) -> None:
    digest = open_rig.context.files.store.put(SAMPLE.data[FIRST.sha256])

    assert open_rig.browser().get(f"/c/{CAMPAIGN}/sheet/{digest}").status_code == 404


def test_words_of_briefs_and_reviewers_are_never_markup(tmp_path: Path) -> None:
    shots = (replace(SHOTS[0], scene=SCRIPT),)
    manifest = replace(
        SAMPLE.manifest,
        shots=shots,
        pictures=tuple(
            replace(picture, prompt=SCRIPT, alt_texts={}) for picture in SAMPLE.manifest.pictures
        ),
    )
    with open_review_rig(tmp_path, sample=replace(SAMPLE, manifest=manifest)) as rig:
        browser = rig.browser()
        browser.get("/")
        browser.post("/enter", {"name": SCRIPT[:60]})
        browser.decide(FIRST, "rejected", reason=SCRIPT)
        pages = [
            browser.get(path, params={"file": FIRST.file}).text
            for path in ("/", f"/c/{CAMPAIGN}", f"/c/{CAMPAIGN}/picture", "/c/" + SCRIPT)
        ]

    for page in pages:
        assert "<script>alert" not in page
        assert "onerror=alert(1)>" not in page
    assert "&lt;script&gt;alert" in pages[2]


def test_a_link_of_one_campaign_shows_no_other(open_rig: ReviewRig) -> None:
    link = f"/s/{open_rig.context.access.share('summer', days=1)}"

    answer = open_rig.browser().get(link)

    assert answer.status_code == 404
    assert "Slow mornings" not in answer.text


def test_a_link_is_no_cookie_and_a_cookie_no_link(rig: ReviewRig) -> None:
    link = rig.context.access.share(CAMPAIGN, days=1)
    browser = rig.browser(peer="203.0.113.9")
    browser._client.cookies.set("nbp_review", link)

    assert browser.get(f"/c/{CAMPAIGN}").status_code == 403
    assert browser.get(f"/s/{link}x").status_code == 403


@pytest.mark.parametrize("next_path", ["//evil.example.com", "https://evil.example.com", "/\\evil"])
def test_entering_leads_to_this_page_alone(open_rig: ReviewRig, next_path: str) -> None:
    browser = open_rig.browser()
    browser.get(f"/c/{CAMPAIGN}")

    answer = browser.post("/enter", {"name": "Ben", "next": next_path}, json=False)

    assert answer.headers["location"] == "/"


def test_a_name_can_not_set_headers(open_rig: ReviewRig) -> None:
    browser = open_rig.browser()
    browser.get(f"/c/{CAMPAIGN}")

    answer = browser.post("/enter", {"name": "Ben\r\nX-Evil: 1"}, json=False)

    assert "x-evil" not in answer.headers
