"""Sites of many makes give a usable kit, or it is said what is missing."""

import io
from functools import cache
from pathlib import Path

import pytest
from PIL import Image

from nbp_dagster.authoring.brand_kit import BrandKit, find_kit
from nbp_dagster.authoring.brief_text import write_brand
from nbp_dagster.authoring.folder import FolderError, read_folder
from nbp_dagster.authoring.suggestions import check_brand, suggest_brand
from nbp_dagster.authoring.web_pages import PageError, WebReader, read_site
from tests.fakes.clock import FakeClock
from tests.rigs.brand_pages import HOME, MAKES, Make, SiteTransport, page

PUBLIC = "93.184.215.14"
# Makes that are what a server does with files.
ONLY_SERVED = {"packed though nobody asked", "a home page that moved", "a web app manifest"}


def read(make: Make, url: str = HOME) -> tuple[BrandKit, SiteTransport]:
    transport = SiteTransport(make)
    reader = WebReader(transport, FakeClock(), lambda host, port: (PUBLIC,))
    return find_kit(read_site(url, reader)), transport


@cache
def kit_of(name: str) -> BrandKit:
    """The kit of a make, read once."""
    return read(MAKES[name])[0]


@pytest.mark.parametrize("name", sorted(MAKES))
def test_a_site_of_any_make_gives_a_kit_or_says_what_is_missing(name: str) -> None:
    make, kit = MAKES[name], kit_of(name)

    assert kit.name is not None
    assert kit.name.value == make.name
    assert {
        role: found.value for role, found in kit.palette.items() if role in make.palette
    } == dict(make.palette)
    assert tuple(found.value for found in kit.languages) == make.languages
    if make.logo is not None:
        assert kit.logo is not None
        assert make.logo in kit.logo.origin
    if make.fonts:
        assert tuple(found.value for found in kit.fonts) == make.fonts
    told = "\n".join(kit.missing)
    for part in make.says:
        assert part in told
    assert make.sentence in " ".join(found.value for found in kit.sentences)


@pytest.mark.parametrize("name", sorted(MAKES))
def test_a_brand_begun_from_any_site_validates(name: str) -> None:
    kit = kit_of(name)

    text = write_brand(suggest_brand("marlow", kit, {}))

    assert check_brand(text, "marlow") == []


@pytest.mark.parametrize("name", sorted(MAKES.keys() - ONLY_SERVED))
def test_the_same_files_in_a_folder_give_the_same_palette(name: str, tmp_path: Path) -> None:
    make = MAKES[name]
    for address, content in make.files.items():
        if not isinstance(content, tuple) and not address.endswith("/"):
            path = tmp_path / "marlow" / (address or "index.html")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    kit = find_kit(read_folder(tmp_path / "marlow"))

    named = {role for role in make.palette if "--" in kit.palette[role].origin}
    for role in named:
        assert kit.palette[role].value == make.palette[role]


def test_there_are_thirty_makes() -> None:
    assert len(MAKES) >= 30


def test_every_value_says_where_it_was_found() -> None:
    kit, _ = read(MAKES["variables and a drawing in the header"])

    text = write_brand(suggest_brand("marlow", kit, {}))

    lines = text.splitlines()
    assert lines[0] == "# yaml-language-server: $schema=../schemas/brand.schema.json"
    for key, origin in (
        ("name: Marlow", "the title of"),
        ('  primary: "#14707A"', "--color-primary of the style sheet main.css"),
        ("logo: images/marlow_logo.png", "a drawing within the page"),
    ):
        assert origin in lines[lines.index(key) - 1]


def test_the_logo_is_kept_as_a_png_large_enough_to_draw_from() -> None:
    kit, _ = read(MAKES["an icon for a logo"])

    assert kit.logo is not None
    with Image.open(io.BytesIO(kit.logo.png)) as image:
        assert image.format == "PNG"
        assert max(image.size) >= 1000


def test_no_key_is_sent_and_only_the_page_and_what_it_names_is_asked_for() -> None:
    make = MAKES["theme colour and a picture"]

    _, transport = read(make, "www.marlow.example")

    asked = [request.url.removeprefix("https://www.marlow.example") for request in transport.asked]
    assert sorted(asked) == ["/", "/img/logo.png", "/main.css", "/robots.txt"]
    assert asked[0] == "/robots.txt"
    assert {request.bearer for request in transport.asked} == {None}
    assert {request.address for request in transport.asked} == {PUBLIC}


def test_a_language_that_pages_write_otherwise_is_found_as_the_locale_it_stands_for() -> None:
    kit, _ = read(Make({"": page("<title>Marlow</title>", html=' lang="en-UK"')}))

    assert [found.value for found in kit.languages] == ["en_GB"]


def test_a_site_that_refuses_robots_is_left_alone() -> None:
    make = Make({"": page("<title>Marlow</title>"), "robots.txt": "User-agent: *\nDisallow: /"})

    with pytest.raises(PageError, match=r"robots\.txt asks not to read it"):
        read(make)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://www.marlow.example/", "not https"),
        ("https://user:pw@www.marlow.example/", "user name or password"),
        ("file:///etc/passwd", "the scheme is 'file'"),
        ("https://www.marlow.example/gone", "404"),
        ("https://www.marlow.example/main.css", "is no page"),
    ],
)
def test_an_address_that_may_not_be_read_is_refused_in_one_sentence(url: str, said: str) -> None:
    make = Make({"": page(), "main.css": "body{}"})

    with pytest.raises(PageError, match=said):
        read(make, url)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::1"])
def test_a_page_in_a_private_network_is_refused(address: str) -> None:
    transport = SiteTransport(MAKES["linked data"])
    reader = WebReader(transport, FakeClock(), lambda host, port: (address,))

    with pytest.raises(PageError, match="not a public address"):
        read_site(HOME, reader)
    assert transport.asked == []


def test_a_logo_in_a_private_network_is_not_fetched() -> None:
    files = {"": page("<title>Marlow</title>", '<img class=logo src="https://10.0.0.5/logo.png">')}
    transport = SiteTransport(Make(files))
    reader = WebReader(
        transport, FakeClock(), lambda host, port: (host if host[0].isdigit() else PUBLIC,)
    )

    kit = find_kit(read_site(HOME, reader))

    assert kit.logo is None
    assert "10.0.0.5, which is not a public address" in "\n".join(kit.missing)
    assert all("10.0.0.5" not in request.url for request in transport.asked)


def test_a_folder_without_anything_of_a_brand_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x")

    with pytest.raises(FolderError, match="has no page, style sheet"):
        read_folder(tmp_path)
    with pytest.raises(FolderError, match="no such folder"):
        read_folder(tmp_path / "none")


def test_a_link_out_of_the_folder_is_passed_over(tmp_path: Path) -> None:
    outside = tmp_path / "outside.css"
    outside.write_text(":root{--primary:#123456}")
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text(page("<title>Marlow</title>"))
    (site / "main.css").symlink_to(outside)

    kit = find_kit(read_folder(site))

    assert "a primary colour was not found" in kit.missing


HOSTILE = {
    "blocks": "{" * 300_000,
    "addresses": "url(" * 200_000,
    "variables of one another": ":root{" + "--a:var(--a);" * 50_000 + "} a{color:var(--a)}",
    "nested variables": "a{color:" + "var(--a," * 100_000,
    "comments": "<!--" * 200_000,
    "declarations": "<!" * 300_000,
    "sections": "<![CDATA[" * 100_000,
    "elements and none of their ends": "<div>" * 50_000 + "</p>" * 50_000,
    "drawings in drawings": "<header><svg class=logo>" + "<g>" * 50_000,
    "nested linked data": "<script type=application/ld+json>" + "[" * 500_000 + "</script>",
    "attributes": "<svg class=logo><path " + "x " * 100_000 + ">",
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_page_takes_no_time_that_grows_with_its_square(name: str) -> None:
    """What takes the square of these lengths takes minutes, which the tests' timeout ends."""
    text = HOSTILE[name]
    make = Make({"": f"<html><title>Marlow</title><style>{text}</style>{text}", "main.css": text})

    kit, _ = read(make)

    assert kit.name is not None
