"""The review page as a browser meets it: pages, decisions, pictures, names and share links."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from nbp_dagster.studio.storage.image_store import FolderStore
from tests.rigs.reviews import CAMPAIGN, TOKEN, ReviewRig, open_review_rig
from tests.rigs.sets import build_large_set, build_set

SAMPLE = build_set(shots=("kitchen",), channels=("instagram_feed", "display_728x90"), measured=True)
FIRST = SAMPLE.manifest.pictures[0]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[ReviewRig]:
    with open_review_rig(tmp_path, sample=SAMPLE) as opened:
        yield opened


def counts(page: str) -> dict[str, int]:
    found = re.findall(r'data-count="(\w+)">(\d+)<', page)
    return {state: int(number) for state, number in found}


def test_the_list_says_how_far_each_review_is(rig: ReviewRig) -> None:
    browser = rig.browser()
    browser.decide(FIRST)

    page = browser.get("/").text

    assert "Spring launch" in page
    assert "3 pending" in page
    assert "1 approved" in page


def test_a_set_shows_its_pictures_the_worst_first_with_what_is_wrong(rig: ReviewRig) -> None:
    page = rig.browser().get(f"/c/{CAMPAIGN}").text

    files = re.findall(r'<li class="card \w+" data-file="([^"]+)"', page)
    assert files == [row.picture.file for row in rig.reviews.open(CAMPAIGN).worst_first]
    assert "Words too small" in page
    assert "Simulated pictures" in page
    assert counts(page) == {"pending": 4, "approved": 0, "rejected": 0, "passed_over": 0}


def test_filters_are_kept_in_the_address(rig: ReviewRig) -> None:
    page = rig.browser().get(f"/c/{CAMPAIGN}", params={"check": "smallest_letter"}).text

    assert page.count('<li class="card') == 2
    assert '<option value="smallest_letter" selected>words too small (2)' in page


def test_a_picture_is_shown_with_checks_scores_prompt_and_price(rig: ReviewRig) -> None:
    browser = rig.browser()
    browser.decide(FIRST, "rejected", fault="subject_whole", reason="<b>left</b> hand")

    page = browser.get(f"/c/{CAMPAIGN}/picture", params={"file": FIRST.file}).text

    words = unescape(page)
    assert FIRST.prompt in words
    assert "$0.134" in page
    assert "Mira" in page
    assert "against 0.35" in page
    assert "by ada@desk: a head or the subject is cut; <b>left</b> hand" in words
    assert "<b>" not in page


def test_a_decision_is_told_back_and_counted(rig: ReviewRig) -> None:
    browser = rig.browser()

    answer = browser.decide(FIRST)

    assert answer.json() == {
        "pictures": [{"file": FIRST.file, "state": "approved", "number": 1, "words": "by ada@desk"}]
    }
    assert counts(browser.get(f"/c/{CAMPAIGN}").text)["approved"] == 1


def test_a_form_without_a_script_leads_back_to_its_page(rig: ReviewRig) -> None:
    browser = rig.browser()
    fields = {**browser.look(FIRST), "verdict": "approved"}

    answer = browser.post(
        f"/c/{CAMPAIGN}/decide",
        fields,
        json=False,
        headers={"Referer": f"http://127.0.0.1:8901/c/{CAMPAIGN}?state=pending"},
    )

    assert (answer.status_code, answer.headers["location"]) == (
        303,
        f"/c/{CAMPAIGN}?state=pending",
    )
    assert rig.reviews.open(CAMPAIGN).find(FIRST.file).state == "approved"


def test_of_two_windows_the_second_is_told_that_it_moved(rig: ReviewRig) -> None:
    one, two = rig.browser(), rig.browser()
    seen = two.look(FIRST)
    one.decide(FIRST, "rejected", reason="six fingers")

    answer = two.post(f"/c/{CAMPAIGN}/decide", {**seen, "verdict": "approved"})

    assert answer.status_code == 409
    assert "rejected by ada@desk: six fingers" in answer.json()["error"]
    assert rig.reviews.open(CAMPAIGN).find(FIRST.file).state == "rejected"


def test_undo_takes_the_latest_back(rig: ReviewRig) -> None:
    browser = rig.browser()
    browser.decide(FIRST)

    answer = browser.post(f"/c/{CAMPAIGN}/undo", browser.look(FIRST))

    assert answer.json()["pictures"][0]["state"] == "pending"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"verdict": "loved"}, "verdict 'loved'; accepted: approved, rejected"),
        ({"verdict": "passed_over"}, "accepted: approved, rejected"),
        ({"verdict": "rejected"}, "a rejection needs a reason"),
        ({"verdict": "approved", "number": "-1"}, "number '-1'"),
        ({"verdict": "approved", "number": "9" * 30}, "number '999"),
    ],
)
def test_what_can_not_be_recorded_is_said(
    rig: ReviewRig, fields: dict[str, str], words: str
) -> None:
    browser = rig.browser()

    answer = browser.post(f"/c/{CAMPAIGN}/decide", {**browser.look(FIRST), **fields})

    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert rig.reviews.open(CAMPAIGN).find(FIRST.file).number == 0


def test_a_variant_is_chosen_and_the_others_are_passed_over(tmp_path: Path) -> None:
    sample = build_large_set(3)
    with open_review_rig(tmp_path, sample=sample) as rig:
        browser = rig.browser()
        one, two, three = sample.manifest.pictures
        browser.look(two)
        rows = [[each.file, each.sha256, 0] for each in (two, one, three)]

        answer = browser.post(f"/c/{CAMPAIGN}/choose", {"variants": str(rows).replace("'", '"')})

        states = [row["state"] for row in answer.json()["pictures"]]
        assert states == ["approved", "passed_over", "passed_over"]
        wrong = browser.post(f"/c/{CAMPAIGN}/choose", {"variants": "[[1]]"})
        assert wrong.status_code == 400
        assert "load the page again" in wrong.json()["error"]


def test_pictures_come_by_the_names_of_the_set_alone(rig: ReviewRig, tmp_path: Path) -> None:
    browser = rig.browser()
    FolderStore(tmp_path / "store").put(SAMPLE.data[FIRST.sha256])

    file = browser.get(f"/c/{CAMPAIGN}/file", params={"file": FIRST.file})
    thumb = browser.get(f"/c/{CAMPAIGN}/thumb", params={"file": FIRST.file})

    assert file.content == SAMPLE.data[FIRST.sha256]
    assert file.headers["content-type"] == thumb.headers["content-type"] == "image/jpeg"
    for kind in ("original", "earlier"):
        gone = browser.get(f"/c/{CAMPAIGN}/{kind}", params={"file": FIRST.file})
        assert gone.status_code == 404


def test_the_token_opens_the_page_once_with_a_name(tmp_path: Path) -> None:
    with open_review_rig(tmp_path, sample=SAMPLE, token=TOKEN, default_name="") as rig:
        browser = rig.browser(peer="192.168.1.7")

        door = browser.get(f"/c/{CAMPAIGN}")
        assert door.status_code == 403
        assert FIRST.file not in door.text
        wrong = browser.post("/enter", {"name": "Ben", "token": "x"}, json=False)
        assert wrong.status_code == 403
        assert "this is not the token" in wrong.text.lower()
        fields = {"name": "Ben", "token": TOKEN, "next": f"/c/{CAMPAIGN}"}
        entered = browser.post("/enter", fields, json=False)
        assert entered.headers["location"] == f"/c/{CAMPAIGN}"
        cookie = entered.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert TOKEN not in cookie

        assert browser.decide(FIRST).json()["pictures"][0]["words"] == "by Ben"


def test_tries_at_the_token_are_few(tmp_path: Path) -> None:
    with open_review_rig(tmp_path, sample=SAMPLE, token=TOKEN) as rig:
        browser = rig.browser(peer="192.168.1.7")
        browser.get("/")
        for number in range(10):
            browser.post("/enter", {"name": "Ben", "token": str(number)}, json=False)

        last = browser.post("/enter", {"name": "Ben", "token": TOKEN}, json=False)

        assert "too many tries" in last.text
        assert last.status_code == 403
        rig.clock.sleep(60)
        assert browser.post("/enter", {"name": "Ben", "token": TOKEN}, json=False).is_redirect


def test_a_proxy_names_its_users(tmp_path: Path) -> None:
    rules = {"user_header": "x-forwarded-user", "proxies": frozenset({"10.0.0.2"})}
    with open_review_rig(tmp_path, sample=SAMPLE, default_name="", **rules) as rig:
        headers = {"X-Forwarded-User": "ben@example.com"}
        inside, outside = rig.browser(peer="10.0.0.2"), rig.browser(peer="10.0.0.9")

        assert "ben@example.com" in inside.get("/", headers=headers).text
        assert inside.get("/").status_code == 403
        forged = outside.get("/", headers=headers)
        assert forged.status_code == 403
        assert CAMPAIGN not in forged.text


def test_a_share_link_shows_one_set_without_prompts_prices_or_decisions(rig: ReviewRig) -> None:
    rig.browser().decide(FIRST, "rejected", reason="six fingers")
    link = f"/s/{rig.context.access.share(CAMPAIGN, days=1)}"
    client = rig.browser(peer="203.0.113.9")

    page = client.get(link)
    picture = client.get(f"{link}/picture", params={"file": FIRST.file})

    assert page.status_code == picture.status_code == 200
    for text in (page.text, picture.text):
        for hidden in ("soft morning light", "0.134", "six fingers", "ada@desk", "<form method"):
            assert hidden not in text
    assert client.get(f"{link}/thumb", params={"file": FIRST.file}).status_code == 200
    for kind in ("original", "earlier", "sheet"):
        assert client.get(f"{link}/{kind}", params={"file": FIRST.file}).status_code == 404


def test_a_share_link_ends(rig: ReviewRig) -> None:
    link = f"/s/{rig.context.access.share(CAMPAIGN, days=1)}"
    rig.clock.sleep(86_401)

    answer = rig.browser().get(link)

    assert answer.status_code == 403
    assert "has expired" in answer.text
    assert rig.browser().get(f"{link}/thumb", params={"file": FIRST.file}).status_code == 403


def test_a_damaged_manifest_is_one_line(rig: ReviewRig, tmp_path: Path) -> None:
    (tmp_path / "sets" / CAMPAIGN / "manifest.json").write_text("{", encoding="utf-8")

    answer = rig.browser().get(f"/c/{CAMPAIGN}")

    assert answer.status_code == 500
    assert "make the set again" in answer.text
    assert "Traceback" not in answer.text


def test_the_report_is_linked_from_its_set_and_has_the_policy_of_every_page(
    rig: ReviewRig,
) -> None:
    browser = rig.browser()
    browser.decide(FIRST)

    answer = browser.get(f"/c/{CAMPAIGN}/report")

    assert f'href="/c/{CAMPAIGN}/report"' in browser.get(f"/c/{CAMPAIGN}").text
    assert "Cost per approved picture" in answer.text
    assert "<style" not in answer.text
    assert "style-src 'self'" in answer.headers["Content-Security-Policy"]
    (style,) = re.findall(r'<link rel="stylesheet" href="([^"]+)"', answer.text)
    assert browser.get(style).headers["Content-Type"].startswith("text/css")


def test_a_share_link_leads_to_no_report(rig: ReviewRig) -> None:
    browser = rig.browser()
    token = rig.context.access.share(CAMPAIGN, days=1)

    assert "report" not in browser.get(f"/s/{token}").text
    assert browser.get(f"/s/{token}/report").status_code == 404
