"""Results that arrive whole, late, cut or not at all."""

import io
import shutil
import time
from pathlib import Path

import pytest
import requests
from PIL import Image

from nbp_dagster.simulator.options import SimulatorOptions
from nbp_dagster.simulator.server import SimulatorServer
from tests.rigs.fonts import HEBREW
from tests.unit.simulator.conftest import Api, StartSimulator


def fetch(link: str, **headers: str) -> requests.Response:
    return requests.get(link, timeout=20, headers={"User-Agent": "tests", **headers})


def test_an_expired_link_is_forbidden_even_with_a_key(start: StartSimulator) -> None:
    link = start(result_ttl=-1.0).make()["result_url"]

    assert fetch(link).status_code == 403
    assert fetch(link, Authorization="Bearer key").status_code == 403


def test_every_look_at_a_job_gives_a_fresh_link(start: StartSimulator) -> None:
    api = start(result_ttl=0.05)
    job = api.make()
    deadline = time.monotonic() + 5
    while fetch(job["result_url"]).status_code == 200 and time.monotonic() < deadline:
        pass

    assert fetch(job["result_url"]).status_code == 403
    assert api.job(job["generation_id"])["result_url"] != job["result_url"]


def test_a_link_without_a_signature_needs_the_key(api: Api) -> None:
    bare = api.make()["result_url"].partition("?")[0]

    assert fetch(bare).status_code == 403
    assert fetch(bare, Authorization="Bearer key").status_code == 200


def test_a_link_of_an_unfinished_or_unknown_job_is_not_found(api: Api) -> None:
    link = api.make()["result_url"]
    (stuck,) = api.enqueue("a [[sim:stuck]]")

    assert api.call("GET", link.replace("generations/", "generations/0")).status_code == 404
    assert api.call("GET", link.rpartition("/")[0] + f"/{stuck}.png").status_code == 404


def test_jpegs_are_sent_as_jpegs_and_some_links_say_png(start: StartSimulator) -> None:
    api = start(file_type="jpeg")
    links = [api.make(f"cup {number}")["result_url"] for number in range(16)]

    suffixes = {link.partition("?")[0].rpartition(".")[2] for link in links}
    assert suffixes == {"jpg", "png"}, "one in four lies"
    for link in links[:4]:
        answer = fetch(link)
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.content.startswith(b"\xff\xd8")


def test_a_folder_of_pictures_stands_in_for_the_painter(
    start: StartSimulator, tmp_path: Path
) -> None:
    Image.new("RGB", (48, 48), "teal").save(tmp_path / "fox.webp")
    answer = fetch(start(pictures=tmp_path).make("a fox")["result_url"])
    assert answer.content == (tmp_path / "fox.webp").read_bytes()
    assert answer.headers["Content-Type"] == "image/webp"


def test_words_are_drawn_in_a_font_of_the_folder(tmp_path: Path) -> None:
    if not HEBREW.exists():
        pytest.skip(f"no {HEBREW.name} here: run make test-fonts")
    # It has Arabic too, in another shape than the wheel that is found without the folder.
    shutil.copyfile(HEBREW, tmp_path / "own.ttf")
    made = []
    for folder in (None, tmp_path):
        with SimulatorServer(SimulatorOptions(latency=0, fonts=folder)) as server:
            link = Api(server.url).make('The headline reads "صباح هادئ".')["result_url"]
            made.append(fetch(link).content)

    assert made[0] != made[1]


def test_a_truncated_download_is_an_error_and_the_next_one_is_whole(api: Api) -> None:
    link = api.make("a [[sim:truncate]]")["result_url"]

    with pytest.raises(requests.exceptions.RequestException):
        fetch(link)

    with Image.open(io.BytesIO(fetch(link).content)) as image:
        image.load()


def test_a_tagged_link_expires_once(api: Api) -> None:
    job = api.make("a [[sim:expire]]")

    assert fetch(job["result_url"]).status_code == 403
    assert fetch(api.job(job["generation_id"])["result_url"]).status_code == 200


def test_a_page_of_html_can_come_instead_of_the_picture(api: Api) -> None:
    answer = fetch(api.make("a [[sim:html]]")["result_url"])

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert answer.text.startswith("<!doctype html>")


def test_a_picture_of_the_wrong_size_stays_wrong(api: Api) -> None:
    job = api.make("a [[sim:wrong_size]]", aspect_ratio="1:1")

    for _ in range(2):
        with Image.open(io.BytesIO(api.download(job))) as image:
            assert image.size == (960, 960)


def test_a_mislabelled_picture_is_a_jpeg_that_is_called_a_png_every_time(api: Api) -> None:
    link = api.make("a [[sim:mislabelled]]", aspect_ratio="1:1")["result_url"]

    for _ in range(2):
        answer = fetch(link)
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.content.startswith(b"\xff\xd8\xff")


@pytest.mark.parametrize("kind", ["expire", "html", "truncate", "wrong_size", "mislabelled"])
def test_download_faults_can_be_scripted_by_count(api: Api, kind: str) -> None:
    link = api.make(aspect_ratio="1:1")["result_url"]
    whole = fetch(link).content
    api.script(kind=kind, path="/generations/", times=1)

    try:
        spoiled = fetch(link).content
    except requests.exceptions.RequestException:
        spoiled = b""

    assert spoiled != whole
    assert fetch(link).content == whole


def test_a_download_can_be_reset_or_refused_like_any_request(api: Api) -> None:
    link = api.make()["result_url"]
    api.script(kind="reset", path="/generations/", times=1)
    api.script(kind="status", status=503, path="/generations/", times=1)

    with pytest.raises(requests.ConnectionError):
        fetch(link)
    assert fetch(link).status_code == 503
    assert fetch(link).status_code == 200


def test_the_log_holds_no_signature(api: Api) -> None:
    fetch(api.make()["result_url"])

    log = api.read("/_simulator/requests?path=/generations/")["requests"]
    assert len(log) == 1
    assert "oxen_signature" not in str(log)
