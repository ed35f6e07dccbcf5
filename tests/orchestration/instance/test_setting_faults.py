"""A mistake in Dagster's settings ends a command in one line that names file and mistake."""

from pathlib import Path

import pytest

from nbp_dagster.project import open_instance
from nbp_dagster.settings import SettingsError

POSTGRES = "storage: {postgres: {postgres_url: %s}}\n"
UNREADABLE = "names an address of a database that can't be read"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (POSTGRES % "{env: NO_SUCH_VARIABLE}", "names NO_SUCH_VARIABLE, which is not set"),
        (POSTGRES % '"postgresql://nbp:geheim@db:54x32/nbp"', UNREADABLE),
        (POSTGRES % '"postgress://nbp:geheim@db/nbp"', UNREADABLE),
        (POSTGRES % "geheim", UNREADABLE),
        ("storage: [\n", "line 2: expected the node content"),
        ("strage: {}\n", 'unexpected config entry "strage" at the root'),
        ("run_storage: 5\n", "Value at path root:run_storage must be dict"),
        ('"postgresql://nbp:geheim@db/nbp"\n', "to parse to dictionary"),
        (
            "storage: {mysql: {mysql_url: 'mysql://nbp:geheim@db/nbp'}}\n",
            "Couldn't import module dagster_mysql .*No module named 'dagster_mysql'",
        ),
    ],
)
def test_a_mistake_in_dagsters_settings_is_one_line_without_passwords(
    tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "dagster.yaml").write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError, match=said) as refused:
        open_instance(tmp_path)

    told = str(refused.value)
    assert told.startswith(f"Dagster's settings {tmp_path / 'dagster.yaml'}: ")
    assert "\n" not in told
    assert len(told) < 600
    assert "geheim" not in told
    # A log would print the errors behind it, with what they quote.
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_settings_that_are_no_text_are_one_line_too(tmp_path: Path) -> None:
    (tmp_path / "dagster.yaml").write_bytes(b"\xff\xfe")

    with pytest.raises(SettingsError, match=r"is no YAML in UTF-8$"):
        open_instance(tmp_path)
