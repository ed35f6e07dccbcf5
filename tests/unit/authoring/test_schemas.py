"""The schemas accept what the models accept, and refuse a broken brief as they do."""

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from nbp_dagster.authoring.schemas import (
    SchemaKind,
    derive_schema,
    read_words,
    schema_line,
    write_schemas,
)
from nbp_dagster.briefs.channels import load_packaged_channels, read_channels
from nbp_dagster.briefs.locale_spelling import spell_locales
from nbp_dagster.briefs.models import Brand, Campaign
from nbp_dagster.briefs.rules import check_campaign
from nbp_dagster.yaml_source.document import Document, parse_document
from nbp_dagster.yaml_source.validation import check_record

ROOT = Path(__file__).resolve().parents[3]
SAMPLES = ROOT / "assets_config"
EXAMPLE = ROOT / "nbp_dagster" / "components" / "example"
PACKAGED = ROOT / "nbp_dagster" / "briefs" / "channels.yaml"
BRIEFS = sorted(
    path
    for folder in (SAMPLES, EXAMPLE)
    for path in folder.rglob("*.yaml")
    if path.parent.name in ("brands", "campaigns", "assets_config")
)
# Values that stand in for a sound one.
WRONG: tuple[Any, ...] = (
    None, True, 7, -1, 1.5, "", " ", "two\nlines", 'a "quote"', "x" * 2001, (), {}, ("x",),
    {"x": "y"}, "#12345", "EN", "drawn",
)  # fmt: skip

# Read once: it takes as long as some ten checks.
CHANNELS = load_packaged_channels()
# What errors say that take two keys to judge.
PAIRS = ("candidates and auto_pin", "its references are faces alone")


def kind_of(path: Path) -> SchemaKind:
    kinds: dict[str, SchemaKind] = {"brands": "brand", "campaigns": "campaign"}
    return kinds.get(path.parent.name, "channels")


def parse(path: Path) -> Document:
    document, problems = parse_document(path.read_bytes(), file=path.name, path=path)
    assert document is not None, problems
    return document


def check(document: Document, kind: SchemaKind) -> list[str]:
    """Return what the models say of one file by itself, locales spelt in either way."""
    if kind == "channels":
        packaged = {} if document.path == PACKAGED else CHANNELS
        return [str(problem) for problem in read_channels(document, packaged=packaged)[1]]
    spelt, problems = spell_locales(document)
    found = check_record(Brand if kind == "brand" else Campaign, spelt)[1]
    if kind == "campaign":
        rules = check_campaign(spelt, {}, dict.fromkeys(CHANNELS, ""))
        found += [problem for problem in rules if problem.key.startswith("channels[")]
    return [str(problem) for problem in (*problems, *found)]


def as_json(value: Any) -> Any:
    """Return parsed YAML as an editor reads it: lists as lists, days as text."""
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [as_json(item) for item in value]
    return value if isinstance(value, str | bool | int | float | None) else str(value)


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the key path of everything in a document; of a list, of its first item alone."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield (*at, key)
            yield from places(item, (*at, key))
    elif isinstance(value, tuple):
        for index, item in enumerate(value[:1]):
            yield (*at, index)
            yield from places(item, (*at, index))


def change(data: Any, at: tuple[Any, ...], value: Any) -> Any:
    """Return data with another value at a key path."""
    if not at:
        return value
    if isinstance(data, tuple):
        items = list(data)
        items[at[0]] = change(items[at[0]], at[1:], value)
        return tuple(items)
    return {**data, at[0]: change(data.get(at[0]), at[1:], value)}


def remove(data: Any, at: tuple[Any, ...]) -> Any:
    parent = data
    for step in at[:-1]:
        parent = parent[step]
    return change(data, at[:-1], {key: parent[key] for key in parent if key != at[-1]})


def break_document(document: Document) -> Iterator[tuple[str, Document]]:
    """Yield the document broken in one place and way after another, or changed at least."""
    for at in dict.fromkeys([(), *places(document.data)]):
        name = ".".join(map(str, at))
        seen = document.at(at)
        if isinstance(at[-1] if at else None, str):
            yield f"without {name}", replace(document, data=remove(document.data, at))
        if isinstance(seen, Mapping):
            changed = change(document.data, (*at, "surprise"), "x")
            yield f"{name}.surprise", replace(document, data=changed)
        for value in WRONG if at else ():
            changed = change(document.data, at, copy.deepcopy(value))
            yield f"{name} = {value!r:.40}", replace(document, data=changed)


@pytest.fixture(scope="module")
def words() -> Any:
    return read_words(SAMPLES)


@pytest.mark.parametrize("path", [*BRIEFS, PACKAGED], ids=lambda path: path.name)
def test_every_sample_is_valid_by_its_schema(path: Path, words: Any) -> None:
    document = parse(path)
    kind = kind_of(path)
    assert check(document, kind) == []

    jsonschema.validate(as_json(document.data), derive_schema(kind, words))


@pytest.mark.parametrize("path", BRIEFS, ids=lambda path: path.name)
def test_a_sample_broken_anywhere_is_refused_by_schema_and_models_alike(
    path: Path, words: Any
) -> None:
    document, kind = parse(path), kind_of(path)
    validator = jsonschema.Draft7Validator(derive_schema(kind, words))
    refused = 0
    for name, broken in break_document(document):
        by_models = check(broken, kind)
        by_schema = not validator.is_valid(as_json(broken.data))
        # What two keys decide together is left to the models.
        by_pair = any(pair in problem for pair in PAIRS for problem in by_models)
        assert by_schema == (bool(by_models) and not by_pair), f"{name}: {by_models}"
        refused += by_schema
    assert refused > 100


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("campaign", "shots: [{id: a, scene: b, copy: {headline: {english: Hi}}}]"),
        ("campaign", "shots: [{id: a, scene: b, copy: {headlines: {en: Hi}}}]"),
        ("campaign", "shots: [{id: a, scene: b, texts: {headline: {en: Hi}}}]"),
        ("campaign", "shots: [{id: a, scene: b, palette_targets: {primary: 2}}]"),
        ("campaign", "shots: [{id: a, scene: b, palette_targets: {primary: {least: x}}}]"),
        ("campaign", "channels: [instagram_sory]"),
        ("campaign", "markets: [uk]"),
        ("campaign", "correct: {checks: [beauty]}"),
        ("brand", "blocking_checks: [beauty]"),
        ("brand", "palette: {primary: teal}"),
        ("brand", "characters: {a: {name: A, traits: [b], references: [{image: a.png, role: x}]}}"),
        ("channels", "Wall: {name: Wall}"),
    ],
)
def test_a_mistake_of_each_kind_is_refused_alike(kind: SchemaKind, text: str, words: Any) -> None:
    folder = {"brand": "brands", "campaign": "campaigns", "channels": ""}[kind]
    names = {"brand": "pennyway", "campaign": "rain_or_shine", "channels": "channels"}
    sound = parse(SAMPLES / folder / f"{names[kind]}.yaml")
    [(key, value)] = parse_text(text).items()
    broken = replace(sound, data={**sound.data, key: value})

    assert check(broken, kind)
    assert not jsonschema.Draft7Validator(derive_schema(kind, words)).is_valid(as_json(broken.data))


@pytest.mark.parametrize(
    "text",
    [
        "locales: [en-US, de_AT]",
        "shots: [{id: a, scene: b, text: none, palette_targets: {primary: 0.2}}]",
        "shots: [{id: a, scene: b, text: none, palette_targets: {primary: {most: 0.2}}}]",
        "shots: [{id: a, scene: b, text: none, characters: [written_today]}]",
        "shots: [{id: a, scene: b, text: none, alt_text: {de-AT: Ein Bild}}]",
        "parameters: {safety_tolerance: '6', seed: 7, raw: true}",
        "markets: [eu, US-NY, JP]",
    ],
)
def test_short_forms_and_either_spelling_are_accepted(text: str, words: Any) -> None:
    sound = parse(SAMPLES / "campaigns" / "rain_or_shine.yaml")
    changed = replace(sound, data={**sound.data, **parse_text(text)})

    assert check(changed, "campaign") == []
    jsonschema.validate(as_json(changed.data), derive_schema("campaign", words))


def test_the_words_of_a_folder_are_offered_even_where_a_brief_is_broken(tmp_path: Path) -> None:
    (tmp_path / "brands").mkdir()
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "brands" / "acme.yaml").write_text("id: acme\ncharacters: {rex: {}}\nname: 7\n")
    (tmp_path / "brands" / "torn.yaml").write_text("id: [")
    (tmp_path / "campaigns" / "one.yaml").write_text("id: one\nlocales: [en-GB, 7]\n")
    (tmp_path / "channels.yaml").write_text("wall: {}\n")

    words = read_words(tmp_path)

    assert words.brands == ("acme", "torn")
    assert (words.characters, words.locales) == (("rex",), ("en_GB",))
    assert "wall" in words.channels
    assert "instagram_feed" in words.channels


def test_the_first_line_of_a_brief_leads_from_its_folder_to_its_schema(tmp_path: Path) -> None:
    paths = {path.name.partition(".")[0]: path for path in write_schemas(tmp_path)}

    folders: Mapping[SchemaKind, str] = {"brand": "brands", "campaign": "campaigns", "channels": ""}
    for kind, folder in folders.items():
        relative = schema_line(kind).partition("=")[2]
        assert (tmp_path / folder / relative).resolve() == paths[kind].resolve()
        jsonschema.Draft7Validator.check_schema(json.loads(paths[kind].read_text("utf-8")))


def parse_text(text: str) -> Mapping[str, Any]:
    document, problems = parse_document(text.encode(), file="x.yaml", path=Path("x.yaml"))
    assert document is not None, problems
    return document.data
