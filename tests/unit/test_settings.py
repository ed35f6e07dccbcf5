"""What the settings pass on."""

import os

import pytest
from dagster import EnvVar

from nbp_dagster.project import build_oxen, build_studio
from nbp_dagster.settings import (
    Settings,
    SettingsError,
    read_settings,
    reveal,
    variable_of,
    write_event_batches,
)


@pytest.mark.parametrize(("given", "passed"), [(None, "500"), ("7", "7"), ("0", "0")])
def test_dagster_writes_batches_unless_it_was_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, given: str | None, passed: str
) -> None:
    # Set first, so that it is put back whatever the code does.
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", given or "")
    if given is None:
        monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")

    write_event_batches(read_settings())

    assert os.environ["DAGSTER_EVENT_BATCH_SIZE"] == passed


URLS = (
    "s3://bucket/nbp",
    "S3://bucket",
    "s3:/bucket/nbp",
    "gs://bucket/nbp",
    "file:///srv/nbp",
    "https://example.com/nbp",
    "postgresql://user@host/nbp",
    " abfs://container@account/nbp",
)


@pytest.mark.parametrize("variable", ["NBP_HOME", "NBP_CONFIG", "DAGSTER_HOME"])
@pytest.mark.parametrize("url", URLS)
def test_a_url_where_a_folder_is_meant_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    monkeypatch.setenv(variable, url)

    with pytest.raises(SettingsError) as caught:
        read_settings()

    assert variable in str(caught.value)
    assert repr(url.partition("@")[0])[1:4] in str(caught.value)
    assert "a URL, where a path of this machine belongs" in str(caught.value)
    assert "Value error" not in str(caught.value)


def test_a_url_for_the_scorer_s_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBP_CHARACTER_MODEL", "https://user:secret@example.com/dino.onnx?key=abc")

    with pytest.raises(SettingsError) as caught:
        read_settings()

    assert "NBP_CHARACTER_MODEL" in str(caught.value)
    assert "example.com" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize(
    "folder", [".nbp", "/srv/nbp", "a b/c", "C:/nbp", "C:\\nbp", "me@host:nbp"]
)
def test_a_path_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    monkeypatch.setenv("NBP_HOME", folder)

    assert str(read_settings().home) == folder


@pytest.mark.parametrize(("given", "allowed"), [(None, False), ("true", True), ("false", False)])
def test_http_elsewhere_is_allowed_by_its_setting_alone(
    monkeypatch: pytest.MonkeyPatch, given: str | None, allowed: bool
) -> None:
    monkeypatch.setenv("NBP_MODE", "live")
    monkeypatch.delenv("NBP_ALLOW_HTTP", raising=False)
    if given is not None:
        monkeypatch.setenv("NBP_ALLOW_HTTP", given)

    assert build_oxen(read_settings()).allow_http is allowed


@pytest.mark.parametrize("variable", ["NBP_HOME", "NBP_CONFIG", "DAGSTER_HOME"])
@pytest.mark.parametrize("path", ["a" * 256, f"/srv/{'ä' * 128}", "/".join(["b" * 200] * 30)])
def test_a_path_no_file_system_takes_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, path: str
) -> None:
    monkeypatch.setenv(variable, path)

    with pytest.raises(SettingsError) as caught:
        read_settings()

    assert variable in str(caught.value)
    assert "too long for a path; accepted: at most 255 bytes between slashes" in str(caught.value)
    assert len(str(caught.value)) < 300


def test_the_longest_path_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBP_HOME", "a" * 255)

    assert read_settings().home.name == "a" * 255


@pytest.mark.parametrize(
    "variable", [variable_of(name) for name in Settings.model_fields if name != "dagster_home"]
)
def test_an_empty_variable_is_one_that_is_not_set(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv(variable, raising=False)
    unset = read_settings()

    monkeypatch.setenv(variable, "")

    assert read_settings() == unset


def test_an_empty_home_of_dagster_is_below_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBP_HOME", "/srv/nbp")
    monkeypatch.setenv("DAGSTER_HOME", "")

    assert str(read_settings().dagster_folder) == "/srv/nbp/dagster"


@pytest.mark.parametrize("variable", ["NBP_HOME", "NBP_CONFIG", "DAGSTER_HOME"])
@pytest.mark.parametrize("blank", [" ", "\t", " \n"])
def test_a_blank_path_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, blank: str
) -> None:
    monkeypatch.setenv(variable, blank)

    with pytest.raises(SettingsError, match=f"{variable}: .*blank; give the path of a folder"):
        read_settings()


@pytest.mark.parametrize("url", ["acme-pictures", "s3:/acme", "://acme", "s3://", "/mnt/pictures"])
def test_a_store_that_is_no_url_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("NBP_STORE_URL", url)

    with pytest.raises(SettingsError, match=r"NBP_STORE_URL: accepted: a URL such as s3://"):
        read_settings()


@pytest.mark.parametrize("url", ["memory://x", "MEMORY://x", "file://pics", "local://pics/all"])
def test_a_store_that_no_other_machine_finds_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("NBP_STORE_URL", url)

    with pytest.raises(SettingsError, match=r"NBP_STORE_URL: .*://.*; accepted: "):
        read_settings()


def test_an_empty_store_is_none_and_a_given_one_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NBP_STORE_URL", "")
    assert read_settings().store_url is None
    monkeypatch.setenv("NBP_STORE_URL", "sftp://anna:geheim@files.example/pictures")

    settings = read_settings()
    studio = build_studio(settings, build_oxen(settings))

    assert "geheim" not in repr(settings)
    assert studio.store_url == EnvVar("NBP_STORE_URL")
    assert "geheim" not in repr(studio)


def test_no_log_may_hold_the_password_of_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBP_LEDGER_URL", "postgresql://nbp:s3cret-of-ledger@db/nbp")
    monkeypatch.setenv("NBP_STORE_URL", "ftp://nbp:s3cret-of-store@files/pictures")

    secrets = read_settings().secrets

    assert {"s3cret-of-ledger", "s3cret-of-store"} <= set(secrets)


def test_a_password_that_a_slash_divides_is_kept_from_logs_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NBP_LEDGER_URL", "postgresql://nbp:s3cret/of-ledger@db/nbp")

    assert "s3cret/of-ledger" in read_settings().secrets


@pytest.mark.parametrize("url", ["sqlite:///var/lib/ledger.sqlite", "sqlite+pysqlite:///l.sqlite"])
def test_a_ledger_by_a_path_from_the_working_folder_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("NBP_LEDGER_URL", url)

    with pytest.raises(SettingsError, match=r"NBP_LEDGER_URL: a SQLite file .* with four slashes$"):
        read_settings()
    monkeypatch.setenv("NBP_LEDGER_URL", "sqlite:////var/lib/ledger.sqlite")
    assert reveal(read_settings().ledger_url) == "sqlite:////var/lib/ledger.sqlite"


MISTYPED = r"NBP_STORE_URL: accepted: a URL such as"
CUT = r"NBP_STORE_URL: .*; accepted: .* / as %2F"
BARE_AT = r"DAGSTER_POSTGRES_URL: .* as %40$"


@pytest.mark.parametrize(
    ("variable", "url", "said"),
    [
        ("NBP_STORE_URL", "sftp:user:S3cretword@host/path", MISTYPED),
        ("NBP_STORE_URL", "sftp//user:S3cretword@host/path", MISTYPED),
        ("NBP_STORE_URL", "user:S3cretword@host/path", MISTYPED),
        ("NBP_STORE_URL", "s3:?password=S3cretword", MISTYPED),
        ("NBP_STORE_URL", "s3://AKIA:S3/cretword@bucket/nbp", CUT),
        ("NBP_STORE_URL", "s3://AKIA:S3#cretword@bucket/nbp", CUT),
        ("NBP_STORE_URL", "sftp://nbp:S3?cretword@host/nbp", CUT),
        ("NBP_STORE_URL", "sftp://nbp:S3@cret/word@host/nbp", CUT),
        ("NBP_STORE_URL", "abfs://box:S3/cretword@account/nbp", CUT),
        ("DAGSTER_POSTGRES_URL", "postgresql://nbp:S3cret@word@127.0.0.1:1/nbp", BARE_AT),
        ("DAGSTER_POSTGRES_URL", "postgresql://nbp:S3/cret@word@127.0.0.1:1/nbp", BARE_AT),
        ("DAGSTER_POSTGRES_URL", "postgresql://nbp:S3cret@wo/rd@127.0.0.1:1/nbp", BARE_AT),
    ],
)
def test_a_wrong_address_is_one_line_without_its_password(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str, said: str
) -> None:
    monkeypatch.setenv(variable, url)

    with pytest.raises(SettingsError, match=said) as refused:
        read_settings()

    assert not any(part in str(refused.value) for part in ("S3", "cret", "127.0.0.1"))


@pytest.mark.parametrize(
    "url",
    [
        "s3://pictures/team@acme",
        "file:///mnt/pictures:1/team@acme",
        "abfs://box@account/nbp",
        "sftp://nbp:S3%2Fcret%40word@host:22/nbp",
    ],
)
def test_a_store_whose_host_is_clear_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("NBP_STORE_URL", url)

    assert reveal(read_settings().store_url) == url


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://nbp:S3cret%40word@db/nbp",
        "postgresql://nbp@db/nbp?options=a@b",
        "postgresql:///nbp",
        "",
    ],
)
def test_an_address_of_dagsters_database_that_its_driver_understands_is_taken(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", url)

    assert read_settings().mode == "simulator"


def test_no_log_may_hold_the_passwords_that_dagster_and_celery_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql://nbp:of%40dagster@db/nbp")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://:of-broker@redis/0")
    monkeypatch.setenv("CELERY_RESULT_BACKEND", "redis://:of-backend@redis/1")

    secrets = read_settings().secrets

    # As written, and as a driver decodes it.
    assert {"of%40dagster", "of@dagster", "of-broker", "of-backend"} <= set(secrets)
