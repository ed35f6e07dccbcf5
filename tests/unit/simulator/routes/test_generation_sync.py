"""The calls that answer with the picture itself."""

import base64
import io

import pytest
import requests
from PIL import Image

from tests.unit.simulator.conftest import MODEL, Api


def edit(api: Api, **fields: object) -> requests.Response:
    return api.post(
        "/api/ai/images/edit", **{"model": MODEL, "prompt": "a cup", "resolution": "1K"} | fields
    )


def test_the_link_and_the_inline_bytes_are_pictures_of_the_request(api: Api) -> None:
    by_link = edit(api).json()
    inline = edit(api, response_format="b64_json", aspect_ratio="1:1").json()

    linked = requests.get(by_link["images"][0]["url"], timeout=10).content
    assert by_link["model"] == MODEL
    assert isinstance(by_link["created"], int)
    with Image.open(io.BytesIO(linked)) as image:
        assert image.size == (1376, 768)
    with Image.open(io.BytesIO(base64.b64decode(inline["images"][0]["b64_json"]))) as image:
        assert image.size == (1024, 1024)


def test_generate_answers_like_edit(api: Api) -> None:
    answer = api.post("/api/ai/images/generate", model=MODEL, prompt="a cup")

    assert answer.json()["images"][0]["url"].startswith(api.url)


def test_a_success_is_billed_once_and_stays_out_of_the_queue(api: Api) -> None:
    edit(api)

    assert api.bills()["count"] == 1
    assert api.read("/api/ai/queue?status=succeeded")["count"] == 0


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"aspect_ratio": "7:5"}, 422, "aspect_ratio must be one of"),
        ({"prompt": ""}, 400, "Prompt cannot be empty"),
        ({"prompt": "a [[sim:refuse]]"}, 400, "Content policy"),
        ({"prompt": "a [[sim:credit_lost]]"}, 402, "Insufficient credits"),
        ({"prompt": "a [[sim:at_capacity]]"}, 503, "The model is overloaded"),
        ({"prompt": "a [[sim:fail]]"}, 500, "the simulated model failed"),
    ],
)
def test_what_fails_is_told_at_once_and_not_billed(
    api: Api, fields: dict[str, str], status: int, words: str
) -> None:
    answer = edit(api, **fields)

    assert answer.status_code == status
    assert words in answer.json()["error"]["detail"]
    assert api.bills()["count"] == 0


def test_a_model_that_draws_nothing_answers_without_images(api: Api) -> None:
    assert edit(api, prompt="a [[sim:no_image]]").json()["images"] == []
