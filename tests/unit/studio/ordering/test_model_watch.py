"""Only the service's own words say that a model is gone; a proxy's page says nothing of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from nbp_dagster.briefs.brief import Briefs
from nbp_dagster.oxen.catalogue import parse_model
from nbp_dagster.oxen.errors import ConnectionFailed, OxenError, classify, is_outage
from nbp_dagster.simulator.catalogue import Catalogue
from nbp_dagster.studio.ordering.model_memory import ModelMemory
from nbp_dagster.studio.ordering.model_watch import ModelWatch
from nbp_dagster.studio.ordering.order_builder import Quote
from nbp_dagster.studio.storage.documents import DocumentFolder

NAME = "nano-banana-2-1"
OWN = b'{"error": {"type": "resource_not_found", "title": "Not found", "detail": "no such model"}}'
PAGE = b"<html><title>404 Not Found</title></html>"


def failing(body: bytes) -> Callable[[str], Quote]:
    def fetch(_: str) -> Quote:
        error = classify(404, body, endpoint=f"GET https://hub.test/api/ai/models/{NAME}")
        assert isinstance(error, OxenError)
        raise error

    return fetch


def watch(folder: Path, body: bytes) -> ModelWatch:
    """A run that saw the model before meets an answer of 404."""
    memory = ModelMemory(DocumentFolder(folder))
    spec = Catalogue("live").find(NAME)
    assert spec is not None
    memory.remember(parse_model(spec.to_json()), now=1_795_000_000.0)
    briefs = Briefs(folder, brands={}, campaigns={}, channels={}, files={}, sources={})
    return ModelWatch(briefs, memory, fetch=failing(body))


@pytest.mark.parametrize("body", [OWN, b'{"error": {"message": "Model not found: foo"}}'])
def test_a_model_is_gone_by_the_service_s_own_words(tmp_path: Path, body: bytes) -> None:
    models = watch(tmp_path, body)

    assert models.is_gone(NAME)
    assert models.quote(NAME).is_gone


@pytest.mark.parametrize("body", [PAGE, b"", b'{"error": "not found"}'])
def test_a_404_of_somebody_else_says_nothing_of_a_model(tmp_path: Path, body: bytes) -> None:
    models = watch(tmp_path, body)

    for ask in (models.is_gone, models.quote):
        with pytest.raises(ConnectionFailed, match="a proxy may have sent it") as caught:
            ask(NAME)
        assert is_outage(caught.value), "the whole plan ends, not one prompt after the other"
