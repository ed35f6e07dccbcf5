"""Reference pictures over HTTP: shown again, read, refused, never fetched."""

import base64
import io

import pytest
from PIL import Image

from tests.unit.simulator.conftest import Api, StartSimulator


def data_uri(colour: str, size: tuple[int, int] = (8, 8)) -> str:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "PNG")
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def put_file(api: Api, *, visibility: str) -> str:
    api.post("/api/repos", namespace="acme", name="assets", visibility=visibility)
    path = "/api/repos/acme/assets/file/main/mira.png"
    data = base64.b64decode(data_uri("red").partition(",")[2])
    form = {"message": "m", "name": "n", "email": "e"}
    api.call("PUT", path, files={"file": data}, data=form).raise_for_status()
    return path


def test_a_data_uri_is_echoed_in_full_and_decides_the_picture(api: Api) -> None:
    red = api.make(input_image=[data_uri("red")])
    blue = api.make(input_image=[data_uri("blue")])

    assert red["input_image"] == [data_uri("red")]
    assert api.download(red) != api.download(blue)


def test_a_data_uri_can_be_echoed_as_a_digest(start: StartSimulator) -> None:
    job = start(echo_inline=False).make(input_image=[data_uri("red"), "https://example.com/a.png"])

    assert job["input_image"][0].startswith("data:;sha256=")
    assert job["input_image"][1] == "https://example.com/a.png"


def test_auto_takes_the_ratio_of_the_reference(api: Api) -> None:
    job = api.make(input_image=[data_uri("red", (40, 60))], aspect_ratio="auto")

    with Image.open(io.BytesIO(api.download(job))) as image:
        assert image.size == (848, 1264)


@pytest.mark.parametrize("host", ["https://hub.oxen.ai", "the simulator"])
def test_a_link_nobody_has_put_there_is_a_stand_in_and_never_fetched(api: Api, host: str) -> None:
    base = api.url if host == "the simulator" else host
    link = f"{base}/api/repos/elau/assets/file/main/bloxy/figure.png"

    with_link = api.make("a cup", input_image=[link])

    assert with_link["status"] == "succeeded"
    assert api.download(with_link) != api.download(api.make("a cup"))
    assert api.read("/_simulator/requests?path=bloxy")["requests"] == []


def test_a_result_link_can_be_the_next_reference(api: Api) -> None:
    sheet = api.make("a sheet")

    job = api.make("a scene", input_image=[sheet["result_url"]])

    assert job["status"] == "succeeded"
    assert api.download(job) != api.download(api.make("a scene"))


def test_a_result_link_with_a_wrong_signature_fails_the_job(api: Api) -> None:
    link = api.make("a sheet")["result_url"].partition("?")[0]

    job = api.make("a scene", input_image=[link])

    assert job["status"] == "failed"
    assert "403 Client Error: Forbidden for url" in job["error_message"]


def test_a_private_repository_file_needs_a_presigned_link(api: Api) -> None:
    path = put_file(api, visibility="private")
    presigned = api.read("/api/repos/acme/assets/file/presigned_url/main/mira.png")["url"]

    bare = api.make("a", input_image=[api.url + path])
    signed = api.make("b", input_image=[presigned])

    assert "403 Client Error" in bare["error_message"]
    assert signed["status"] == "succeeded"


def test_a_public_repository_file_counts_by_its_bytes(api: Api) -> None:
    path = put_file(api, visibility="public")

    by_link = api.make("a cup", input_image=[api.url + path])
    by_bytes = api.make("a cup", input_image=[data_uri("red")])

    assert api.download(by_link) == api.download(by_bytes)


def test_a_missing_file_of_a_known_repository_fails_the_job(api: Api) -> None:
    path = put_file(api, visibility="public").replace("mira", "moe")

    job = api.make("a", input_image=[api.url + path])

    assert "404 Client Error: Not Found for url" in job["error_message"]


def test_a_repository_file_that_is_no_picture_fails_the_job(api: Api) -> None:
    path = put_file(api, visibility="public").replace("mira.png", "mira.txt")
    form = {"message": "m", "name": "n", "email": "e"}
    api.call("PUT", path, files={"file": b"hello"}, data=form).raise_for_status()

    job = api.make("a", input_image=[api.url + path])

    assert "no readable image at" in job["error_message"]


def test_a_text_that_looks_like_an_inner_handle_is_just_a_bad_reference(api: Api) -> None:
    handle = "inline:" + "0" * 64

    job = api.make(input_image=[handle])

    assert job["status"] == "failed"
    assert job["input_image"] == [handle]
