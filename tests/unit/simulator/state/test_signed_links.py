"""Signed links."""

from urllib.parse import parse_qsl, urlsplit

from nbp_dagster.simulator.state.signed_links import LinkSigner

PATH = "/api/repos/acme/assets/file/main/a cup.png"


class Moment:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def query_of(link: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(link).query))


def test_a_link_is_valid_until_it_runs_out() -> None:
    moment = Moment()
    signer = LinkSigner(moment, lifetime=60)
    link = signer.sign("http://127.0.0.1:1", PATH)

    assert urlsplit(link).path == "/api/repos/acme/assets/file/main/a%20cup.png"
    assert signer.is_valid(PATH, query_of(link))
    moment.seconds += 61
    assert not signer.is_valid(PATH, query_of(link))


def test_a_signature_holds_for_its_own_path_and_time_only() -> None:
    signer = LinkSigner(Moment(), lifetime=60)
    query = query_of(signer.sign("http://127.0.0.1:1", PATH))

    assert not signer.is_valid("/api/repos/acme/assets/file/main/other.png", query)
    assert not signer.is_valid(PATH, {**query, "oxen_expires": "9999999999"})
    assert not signer.is_valid(PATH, {})
    assert not signer.is_valid(PATH, {**query, "oxen_signature": "süß\ud800"})
