"""A job is found in the queue's list by its references, however they were sent."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from nbp_dagster.oxen.responses import Generation, parse_generation
from nbp_dagster.prompts.request import ImageRequest, Reference
from nbp_dagster.studio.ledger.database import open_ledger
from nbp_dagster.studio.ledger.ledger import Ledger
from nbp_dagster.studio.ledger.orders import Order
from nbp_dagster.studio.ledger.purchases import Purchase
from nbp_dagster.studio.purchasing.reconcile import matches, recognisable
from nbp_dagster.studio.references.uploads import data_uri
from tests.fakes.clock import FakeClock
from tests.rigs.pictures import draw_noise, encode

PICTURES = {kind: encode(draw_noise(24, 24), kind) for kind in ("PNG", "JPEG", "WEBP")}
OTHERS = {kind: encode(draw_noise(24, 24, seed=8), kind) for kind in ("PNG", "JPEG", "WEBP")}
HASH, OTHER_HASH = "a" * 64, "b" * 64
UPLOADED = "https://hub.oxen.ai/api/repos/acme/refs/file/main/references/{}.png?oxen_signature={}"
PUBLIC = "https://cdn.test/a.png?size=2"


def buy(home: Path, *sent: str) -> Purchase:
    """The ledger's row of a request that sent these images."""
    references = tuple(
        Reference("product", f"p{n}", f"brands/{n}.png", f"d{n}") for n in range(len(sent))
    )
    request = ImageRequest("k", "oxen", "model", "a kite", {}, references, 1, "2")
    ledger = Ledger(open_ledger(home / "ledger.sqlite"), clock=FakeClock())
    row = ledger.claim(
        Order(request=request, price=Decimal("0.15"), scope="spring"),
        owner="a" * 32,
        run_id="run",
        request=recognisable(request, sent),
    )
    ledger.close()
    return row


def listed(*echoed: object) -> Generation:
    job = {"generation_id": "g1", "status": "queued", "model_name": "model", "prompt": "a kite"}
    return parse_generation({**job, "input_image": list(echoed)})


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        (PUBLIC, PUBLIC),
        (UPLOADED.format(HASH, "one"), UPLOADED.format(HASH, "one")),
        (UPLOADED.format(HASH, "one"), UPLOADED.format(HASH, "two")),
        (UPLOADED.format(HASH, "one"), "https://provider.test/rehosted/17.png"),
        (UPLOADED.format(HASH, "one"), ""),
        *((data_uri(data), data_uri(data)) for data in PICTURES.values()),
        *((data_uri(data), data_uri(data)[:60]) for data in PICTURES.values()),
        (data_uri(PICTURES["PNG"]), "data:;sha256=0123"),
        (data_uri(PICTURES["PNG"]), "data:image/png;base64,<removed>"),
        (data_uri(PICTURES["PNG"]), "https://hub.oxen.ai/kept/elsewhere.png"),
        (data_uri(PICTURES["PNG"]), None),
    ],
)
def test_a_job_with_the_images_that_were_sent_is_ours_also_when_the_echo_is_shortened(
    home: Path, sent: str, echoed: str | None
) -> None:
    """What can't be told apart may be ours, and what may be ours is not bought again."""
    assert matches(buy(home, sent), listed(echoed))


@pytest.mark.parametrize(
    ("sent", "echoed"),
    [
        (PUBLIC, "https://cdn.test/b.png?size=2"),
        (PUBLIC, "https://cdn.test/a.png?size=4"),
        (UPLOADED.format(HASH, "one"), UPLOADED.format(OTHER_HASH, "one")),
        *((data_uri(PICTURES[kind]), data_uri(OTHERS[kind])) for kind in PICTURES),
    ],
)
def test_a_job_with_another_image_in_its_place_is_not_ours(
    home: Path, sent: str, echoed: str
) -> None:
    assert not matches(buy(home, sent), listed(echoed))


def test_a_job_listed_without_its_images_may_be_ours(home: Path) -> None:
    assert matches(buy(home, PUBLIC, PUBLIC), listed())


@pytest.mark.parametrize("prompt", [" a kite\n", "a  kite", "a\r\nkite"])
def test_a_prompt_that_the_list_strips_or_folds_is_ours(home: Path, prompt: str) -> None:
    assert matches(buy(home), replace(listed(), prompt=prompt))


@pytest.mark.parametrize("echoed", [(PUBLIC,), (PUBLIC, PUBLIC, PUBLIC)])
def test_a_job_with_more_or_fewer_images_is_not_ours(home: Path, echoed: Sequence[str]) -> None:
    assert not matches(buy(home, PUBLIC, PUBLIC), listed(*echoed))


def test_images_in_another_order_are_another_request(home: Path) -> None:
    row = buy(home, UPLOADED.format(HASH, "x"), UPLOADED.format(OTHER_HASH, "x"))

    assert not matches(row, listed(UPLOADED.format(OTHER_HASH, "y"), UPLOADED.format(HASH, "y")))


def test_a_row_of_an_older_version_knows_its_addresses_alone(home: Path) -> None:
    row = buy(home, PUBLIC)
    old = {"role": "logo", "subject": "b", "digest": "d"}
    request = {**row.request, "references": [{**old, "url": PUBLIC}, {**old, "url": None}]}
    older = replace(row, request=request)

    assert matches(older, listed(PUBLIC, data_uri(PICTURES["PNG"])))
    assert not matches(older, listed("https://cdn.test/b.png", data_uri(PICTURES["PNG"])))


def test_no_bytes_of_an_image_and_no_signature_reach_the_ledger(home: Path) -> None:
    text = str(buy(home, data_uri(PICTURES["PNG"]), UPLOADED.format(HASH, "s3cret")).request)

    assert "s3cret" not in text
    assert base64.b64encode(PICTURES["PNG"]).decode()[:40] not in text
