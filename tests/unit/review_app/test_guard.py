"""What every request passes: the host's name, where it was posted from, sizes and rates."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbp_dagster.review_app.guard import (
    LARGEST_POST,
    RateLimit,
    name_of_host,
)
from tests.fakes.clock import FakeClock
from tests.rigs.reviews import CAMPAIGN, HOST, ReviewRig, open_review_rig


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReviewRig]:
    with open_review_rig(tmp_path_factory.mktemp("guard")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("127.0.0.1:8901", "127.0.0.1"),
        ("[::1]:8901", "::1"),
        ("Localhost", "localhost"),
        ("review.example.com:443", "review.example.com"),
        ("", ""),
    ],
)
def test_a_host_is_known_by_its_name(header: str, name: str) -> None:
    assert name_of_host(header) == name


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1.evil.com:8901", "169.254.1.1"])
def test_a_page_under_another_name_is_not_served(rig: ReviewRig, host: str) -> None:
    answer = rig.browser(host=host).get("/")

    assert answer.status_code == 421
    assert "NBP_REVIEW_HOSTS" in answer.text
    assert CAMPAIGN not in answer.text


@pytest.mark.parametrize("path", ["/", f"/c/{CAMPAIGN}", "/nowhere", "/static/1/review.js"])
def test_every_answer_has_the_safe_headers(rig: ReviewRig, path: str) -> None:
    headers = rig.browser().get(path).headers

    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


def test_pages_are_not_kept_by_caches(rig: ReviewRig) -> None:
    assert rig.browser().get(f"/c/{CAMPAIGN}").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example.com"},
        {"Origin": "null"},
        {"Origin": f"http://{HOST}1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_what_another_site_posts_changes_nothing(rig: ReviewRig, headers: dict[str, str]) -> None:
    browser = rig.browser()
    picture = rig.sample.manifest.pictures[0]
    fields = {**browser.look(picture), "verdict": "approved"}

    answer = browser.post(f"/c/{CAMPAIGN}/decide", fields, headers=headers)

    assert answer.status_code == 403
    assert rig.reviews.open(CAMPAIGN).find(picture.file).state == "pending"


def test_a_large_post_is_refused_by_its_header_before_it_is_read(rig: ReviewRig) -> None:
    browser = rig.browser()
    browser.get("/")

    answer = browser.post("/enter", {"name": "x" * LARGEST_POST})

    assert answer.status_code == 413
    assert str(LARGEST_POST) in answer.text


def test_a_large_post_that_says_no_length_ends_at_the_limit(rig: ReviewRig) -> None:
    sent = 0

    def endless() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 100_000
            yield b"x" * 100_000

    client = rig.browser()._client
    answer = client.post("/enter", content=endless(), headers={"Transfer-Encoding": "chunked"})

    assert answer.status_code == 413


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused(rig: ReviewRig, method: str) -> None:
    assert rig.browser()._client.request(method, "/").status_code == 405


def test_a_bucket_fills_again_with_time() -> None:
    clock = FakeClock()
    limit = RateLimit(60, now=clock.now)

    assert sum(limit.admit("a") for _ in range(100)) == 60
    assert limit.admit("b")
    clock.sleep(2)
    assert sum(limit.admit("a") for _ in range(5)) == 2


def test_a_flood_of_addresses_does_not_fill_the_memory() -> None:
    limit = RateLimit(60, now=FakeClock().now)

    for number in range(5000):
        limit.admit(str(number))

    assert len(limit._buckets) == 1000


def test_a_flood_of_posts_is_slowed(tmp_path: Path) -> None:
    with open_review_rig(tmp_path, posts_a_minute=3) as rig:
        browser, other = rig.browser(), rig.browser(peer="10.0.0.7")
        codes = [browser.post("/enter", {}).status_code for _ in range(4)]
        rig.clock.sleep(20)
        later = browser.post("/enter", {}).status_code

        assert codes == [403, 403, 403, 429]
        assert later == other.post("/enter", {}).status_code == 403
