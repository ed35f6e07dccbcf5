"""docs/briefs.md describes every key there is, and its examples load."""

import re
from pathlib import Path
from typing import get_args

import pytest

from nbp_dagster.briefs.load import load_briefs
from nbp_dagster.briefs.model_limits import load_known_models
from nbp_dagster.briefs.models import Brand, Campaign, Character, CopyField, Product, Shot
from nbp_dagster.briefs.vocabulary import Correct
from nbp_dagster.prompts.expansion import expand
from tests.rigs.prompt_goldens import ROOT

PAGE = (ROOT / "docs" / "briefs.md").read_text(encoding="utf-8")


def read_table(head: str) -> list[list[str]]:
    """Return the rows of the table whose first column is headed so, each a list of cells."""
    lines = PAGE.split(f"\n| {head} |", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize(
    ("head", "record"),
    [
        ("key of a brand", Brand),
        ("key of a character", Character),
        ("key of a product", Product),
        ("key of a campaign", Campaign),
        ("key of a correction", Correct),
        ("key of a shot", Shot),
    ],
)
def test_each_key_has_its_row_in_order_and_says_whether_it_is_needed(
    head: str, record: type[Brand | Character | Product | Campaign | Correct | Shot]
) -> None:
    fields = {field.alias or name: field for name, field in record.model_fields.items()}
    rows = read_table(head)
    assert [row[0] for row in rows] == [f"`{name}`" for name in fields]
    for row, field in zip(rows, fields.values(), strict=True):
        assert row[1].startswith("yes") == field.is_required()


def test_each_field_of_copy_and_each_parameter_has_its_row() -> None:
    assert [row[0] for row in read_table("field of `copy`")] == [
        f"`{name}`" for name in get_args(CopyField)
    ]
    known = dict.fromkeys(
        name for model in load_known_models().values() for name in model.parameters
    )
    assert [row[0] for row in read_table("parameter")] == [f"`{name}`" for name in known]


def test_the_examples_load_and_make_the_key_the_page_names(tmp_path: Path) -> None:
    examples = re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, flags=re.DOTALL)
    assert [name for name, _ in examples] == [
        "brands/solstice.yaml",
        "campaigns/spring_launch.yaml",
    ]
    for name, text in examples:
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text, encoding="utf-8")

    keys = [prompt.key for prompt in expand(load_briefs(tmp_path))]

    assert len(keys) == 6
    assert "spring_launch/kitchen/en/9x16/v1" in keys
