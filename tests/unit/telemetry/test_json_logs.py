"""Log records as lines of JSON: what they hold, and what they never do."""

import json
import logging
import sys
from datetime import datetime

from nbp_dagster.telemetry.json_logs import JsonFormatter, JsonHandler, set_up_json_logs
from nbp_dagster.telemetry.log_ids import current_ids, log_ids

KEY = "a-key-of-no-known-form-81"


def line(message: str, *arguments: object, error: BaseException | None = None) -> dict[str, str]:
    info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord(
        "nbp_dagster.some", logging.WARNING, __file__, 1, message, arguments, info
    )
    text = JsonFormatter([KEY, ""]).format(record)
    assert "\n" not in text
    found: dict[str, str] = json.loads(text)
    return found


def test_a_line_says_when_how_grave_where_and_what() -> None:
    found = line("%d of %d prompts", 2, 3)

    assert found["level"] == "warning"
    assert found["logger"] == "nbp_dagster.some"
    assert found["message"] == "2 of 3 prompts"
    assert datetime.fromisoformat(found["time"]).utcoffset() is not None
    assert found.keys() == {"time", "level", "logger", "message"}


def test_ids_hold_within_their_block_and_nest() -> None:
    with log_ids(run_id="r1", prompt="winter/kitchen/en/1x1/v1"):
        with log_ids(generation_id="g1", prompt=None):
            assert (
                line("kept").items()
                >= {
                    "run_id": "r1",
                    "prompt": "winter/kitchen/en/1x1/v1",
                    "generation_id": "g1",
                }.items()
            )
        assert "generation_id" not in line("later")
    assert not current_ids()


def test_no_line_holds_a_secret_in_message_arguments_or_traceback() -> None:
    try:
        raise ValueError(f"the key {KEY} and Bearer {KEY}")
    except ValueError as error:
        found = line("asked with %s at https://a.example/x?signature=abc", KEY, error=error)

    assert KEY not in json.dumps(found)
    assert "signature=abc" not in json.dumps(found)
    assert "ValueError" in found["error"]


def test_a_text_without_end_is_cut() -> None:
    assert len(line("x" * 100_000)["message"]) < 5_000


def test_records_of_a_run_have_its_ids() -> None:
    record = logging.LogRecord("dagster", logging.INFO, __file__, 1, "job - run - step", (), None)
    record.dagster_meta = {
        "run_id": "r1",
        "step_key": "prompt_images",
        "orig_message": f"made with {KEY}",
        "dagster_event": None,
    }

    found = json.loads(JsonFormatter([KEY]).format(record))

    assert (found["run_id"], found["step"]) == ("r1", "prompt_images")
    assert found["message"].startswith("made with ")
    assert KEY not in found["message"]


def test_setting_it_up_twice_writes_each_record_once() -> None:
    root, ours = logging.getLogger(), logging.getLogger("nbp_dagster")
    before, level = list(root.handlers), ours.level
    try:
        set_up_json_logs([KEY])
        set_up_json_logs([KEY])

        made = [handler for handler in root.handlers if isinstance(handler, JsonHandler)]
        assert len(made) == 1
        assert made[0].stream is sys.stderr
    finally:
        root.handlers[:] = before
        ours.setLevel(level)
