"""What is remembered of a model, and what counts as a change of it."""

from pathlib import Path
from typing import Any

import pytest

from nbp_dagster.oxen.catalogue import Model, parse_model
from nbp_dagster.simulator.catalogue import Catalogue
from nbp_dagster.studio.ordering.model_memory import ModelMemory, describe_changes
from nbp_dagster.studio.storage.documents import DocumentFolder

GRID = {"high": {"1K": 0.1, "2K": 0.2, "4K": 0.4}}


def model(name: str = "nano-banana-2-1", **changes: Any) -> Model:
    """A model as the simulator shows it, with other top-level fields."""
    spec = Catalogue("live").find(name)
    assert spec is not None
    return parse_model({**spec.to_json(), **changes})


def model_with(name: str, **rule: Any) -> Model:
    """The same with one property of its schema changed; without a rule it is not there."""
    schema = dict(model().schema)
    properties = {**schema["properties"], name: rule}  # type: ignore[dict-item]
    if not rule:
        del properties[name]
    return model(request_schema={**schema, "properties": properties})


def test_what_is_remembered_is_the_model_with_its_price_and_schema(tmp_path: Path) -> None:
    memory = ModelMemory(DocumentFolder(tmp_path / "models" / "oxen"))
    memory.remember(model(), now=1_795_000_000.0)

    seen = memory.recall("nano-banana-2-1")

    assert seen is not None
    assert seen.day == "2026-11-18"
    assert seen.model.price({"resolution": "4K"}) == model().price({"resolution": "4K"})
    assert not list(describe_changes(seen.model, model()))


@pytest.mark.parametrize("name", ["acme/own-model:v2", "../../elsewhere", "a" * 60])
def test_a_name_of_any_kind_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    memory = ModelMemory(DocumentFolder(tmp_path / "models"))
    memory.remember(model(id=name), now=1.0)

    assert [path.parent for path in tmp_path.rglob("*.json")] == [tmp_path / "models"]
    seen = memory.recall(name)
    assert seen is not None
    assert seen.model.id == name


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"seen_at": 1, "model": {}}', '{"seen_at": "x", "model": 1}']
)
def test_a_damaged_file_is_no_memory_and_no_error(tmp_path: Path, content: str) -> None:
    memory = ModelMemory(DocumentFolder(tmp_path))
    (tmp_path / "nano-banana-2-1.json").write_text(content, encoding="utf-8")

    assert memory.recall("nano-banana-2-1") is None
    memory.remember(model(), now=1.0)
    assert memory.recall("nano-banana-2-1") is not None


def test_a_folder_that_can_not_be_written_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file", encoding="utf-8")

    ModelMemory(DocumentFolder(tmp_path / "models")).remember(model(), now=1.0)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (
            model(pricing={"method": "per_image", "cost_per_image": 0.3}),
            [
                "costs 0.3 USD an image at 1K, 0.1 USD before",
                "costs 0.3 USD an image at 2K, 0.2 USD before",
                "costs 0.3 USD an image at 4K, 0.4 USD before",
            ],
        ),
        (
            model(pricing={"method": "per_image", "cost_per_image_grid": {"high": {"1K": 0.1}}}),
            [
                "costs an unstated price an image at 2K, 0.2 USD before",
                "costs an unstated price an image at 4K, 0.4 USD before",
            ],
        ),
    ],
)
def test_a_change_of_price_is_told_by_resolution(now: Model, words: list[str]) -> None:
    before = model(pricing={"method": "per_image", "cost_per_image_grid": GRID})

    assert list(describe_changes(before, now)) == words


def test_one_price_for_all_that_becomes_another_is_told_once() -> None:
    before = model(pricing={"method": "per_image", "cost_per_image": 0.15})
    now = model(pricing={"method": "per_image", "cost_per_image": 0.2})

    assert list(describe_changes(before, now)) == ["costs 0.2 USD an image, 0.15 USD before"]


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (
            model_with("aspect_ratio", type="string", enum=["auto", *(["1:1", "16:9", "7:1"])]),
            "no longer lists the aspect ratios 9:16, 4:3",
        ),
        (
            model_with("resolution", type="string", enum=["1K", "2K"]),
            "no longer lists the resolution 4K",
        ),
        (model_with("thinking_level"), "no longer lists the parameter thinking_level"),
        (model_with("seed", type="integer"), "lists the new parameter seed"),
        (
            model_with("thinking_level", type="string", enum=["low"]),
            "takes other values for thinking_level",
        ),
    ],
)
def test_a_change_of_the_schema_is_told_in_words(now: Model, words: str) -> None:
    assert any(text.startswith(words) for text in describe_changes(model(), now))
