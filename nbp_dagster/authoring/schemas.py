"""JSON Schemas of the briefs, from the very models that validate; must not judge a brief itself.

What takes two keys or two files to judge is no part of them: `nbp validate` has the last word.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel

from nbp_dagster.briefs.channels import CHANNELS_FILE, ChannelEntry, load_packaged_channels
from nbp_dagster.briefs.images import BRANDS_FOLDER, CAMPAIGNS_FOLDER
from nbp_dagster.briefs.locale_spelling import spell_locale
from nbp_dagster.briefs.models import Brand, Campaign
from nbp_dagster.studio.storage.files import write_atomically
from nbp_dagster.yaml_source.document import parse_document

SchemaKind = Literal["brand", "campaign", "channels"]

SCHEMAS_FOLDER: Final = "schemas"
"""Folder of the schemas, in the config folder."""

_DIALECT: Final = "http://json-schema.org/draft-07/schema#"  # what editors of YAML read
_ID: Final = "^[a-z0-9_]+$"


@dataclass(frozen=True)
class FolderWords:
    """What the briefs of a folder may name, sound or not.

    Attributes:
        channels: Ids of the packaged channels and the folder's own.
        brands, characters, products: Ids in the brands' files.
        locales: Locales that any brief uses.
    """

    channels: tuple[str, ...]
    brands: tuple[str, ...] = ()
    characters: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()


def read_words(config_dir: Path) -> FolderWords:
    """Return what a config folder's briefs may name; a file that can't be read adds nothing."""
    brands = dict(_read_folder(config_dir / BRANDS_FOLDER))
    campaigns = dict(_read_folder(config_dir / CAMPAIGNS_FOLDER))
    own = _read_mapping(config_dir / CHANNELS_FILE)
    locales = [locale for brief in campaigns.values() for locale in _texts(brief.get("locales"))]
    for brand in brands.values():
        for key in ("disclaimers", "prohibited_terms"):
            locales += _texts(brand.get(key))
    return FolderWords(
        channels=tuple(dict.fromkeys([*load_packaged_channels(), *_texts(own)])),
        brands=tuple(brands),
        characters=_members(brands, "characters"),
        products=_members(brands, "products"),
        locales=tuple(sorted({spell_locale(locale) for locale in locales})),
    )


def derive_schema(kind: SchemaKind, words: FolderWords) -> dict[str, Any]:
    """Return the JSON Schema (draft 7) of one kind of file.

    Args:
        kind: Which files it is for.
        words: What the files may name.
    """
    if kind == "brand":
        return _head("A brand", _of_model(Brand))
    if kind == "campaign":
        return _head("A campaign", _name_words(_of_model(Campaign), words))
    entry = _of_model(ChannelEntry)
    del entry["properties"]["id"]  # the key it stands under
    entry["required"].remove("id")
    definitions = entry.pop("definitions")
    return _head(
        "Channels by id",
        {
            "type": "object",
            "propertyNames": {"pattern": _ID},
            "additionalProperties": entry,
            "definitions": definitions,
        },
    )


def write_schemas(config_dir: Path) -> tuple[Path, ...]:
    """Write the schemas of a config folder into it, in place of older ones; returns their paths.

    Raises:
        StoreError: The folder can't be written.
    """
    words = read_words(config_dir)
    paths = []
    kinds: tuple[SchemaKind, ...] = ("brand", "campaign", "channels")
    for kind in kinds:
        path = config_dir / SCHEMAS_FOLDER / schema_name(kind)
        text = json.dumps(derive_schema(kind, words), indent=2, ensure_ascii=False) + "\n"
        write_atomically(path, text.encode())
        paths.append(path)
    return tuple(paths)


def schema_name(kind: SchemaKind) -> str:
    """Return the name of the file that holds a schema."""
    return f"{kind}.schema.json"


def schema_line(kind: SchemaKind) -> str:
    """Return the comment at the head of a brief that leads editors to its schema."""
    below = "" if kind == "channels" else "../"
    return f"# yaml-language-server: $schema={below}{SCHEMAS_FOLDER}/{schema_name(kind)}"


def _head(title: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"$schema": _DIALECT, "title": title, **schema}


def _of_model(record: type[BaseModel]) -> dict[str, Any]:
    schema = record.model_json_schema(ref_template="#/definitions/{model}")
    schema["definitions"] = schema.pop("$defs", {})
    tidy: dict[str, Any] = _tidy(schema)
    return tidy


def _tidy(node: Any, *, names: bool = False) -> Any:
    """Return a schema without derived titles, its keys as strict as the models are.

    Args:
        node: A part of the schema.
        names: Whether its keys are names of fields, not words of JSON Schema.
    """
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    if names:
        return {name: _tidy(item) for name, item in node.items()}
    tidy = {
        key: _tidy(item, names=key in ("properties", "definitions", "patternProperties"))
        for key, item in node.items()
        if key != "title" and not (key == "default" and item is None)
    }
    # Docstrings of models go on with examples in Python.
    if "properties" in tidy and "description" in tidy:
        tidy["description"] = tidy["description"].split("\n", 1)[0]
    if "patternProperties" in tidy:
        # Of a mapping whose keys have a form: any other key is refused.
        tidy["additionalProperties"] = False
    return tidy


def _name_words(schema: dict[str, Any], words: FolderWords) -> dict[str, Any]:
    """Add what the folder has to a campaign's schema: to choose from, and channels to hold to.

    Brands, characters, products and locales stay open, as new ones are written every day: a schema
    of yesterday must not call them wrong.
    """
    fields = schema["properties"]
    fields["channels"]["items"] = {"type": "string", "enum": list(words.channels)}
    fields["brand"] = {**fields["brand"], **_one_of(words.brands)}
    fields["locales"]["items"] = _one_of(words.locales, fields["locales"]["items"])
    shot = schema["definitions"]["Shot"]["properties"]
    shot["characters"]["items"] = _one_of(words.characters)
    shot["products"]["items"] = _one_of(words.products)
    return schema


def _one_of(known: tuple[str, ...], form: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the schema of a text of some form that editors complete with what is known."""
    form = dict(form or {"type": "string"})
    return {"anyOf": [{"enum": list(known)}, form]} if known else form


def _read_folder(folder: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for path in sorted(folder.glob("[!.]*.yaml")):
        yield path.stem, _read_mapping(path)


def _read_mapping(path: Path) -> Mapping[str, Any]:
    try:
        document, _ = parse_document(path.read_bytes(), file=path.name, path=path)
    except OSError:
        return {}
    return {} if document is None else document.data


def _members(brands: Mapping[str, Mapping[str, Any]], group: str) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(name for brand in brands.values() for name in _texts(brand.get(group)))
    )


def _texts(value: object) -> list[str]:
    """Return the texts among the items of a list, or among the keys of a mapping."""
    items = value if isinstance(value, tuple | Mapping) else ()
    return [item for item in items if isinstance(item, str)]
