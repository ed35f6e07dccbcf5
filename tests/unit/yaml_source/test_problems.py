"""How a place in a brief is named."""

import pytest

from nbp_dagster.yaml_source.problems import format_key


@pytest.mark.parametrize("key", ["a" * 5000, "x y" * 2000, "\x1b[31m" * 500])
def test_a_key_of_any_length_is_named_in_one_short_line(key: str) -> None:
    named = format_key(("shots", 0, key))

    assert named.startswith("shots[0].'")
    assert len(named) < 500
    assert named.isprintable()


def test_plain_keys_are_named_as_they_are() -> None:
    assert format_key(("shots", 0, "copy", "head-line_2")) == "shots[0].copy.head-line_2"
