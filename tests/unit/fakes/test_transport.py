"""The scripted transport plays its script and nothing else."""

import pytest

from nbp_dagster.oxen.errors import ConnectionFailed
from nbp_dagster.oxen.transport import HttpRequest, HttpResponse
from tests.fakes.transport import ScriptedStream, ScriptedTransport, json_answer, json_body

REQUEST = HttpRequest(method="GET", url="https://hub.test/a?b=c", body=b'{"n": 1}')


def test_answers_come_in_the_order_of_the_script() -> None:
    transport = ScriptedTransport([json_answer({"n": 1}), HttpResponse(status=404, body=b"no")])

    first, second = transport.send(REQUEST), transport.send(REQUEST)

    assert (first.status, first.body) == (200, b'{"n": 1}')
    assert (second.status, second.body) == (404, b"no")
    transport.assert_finished()


def test_requests_are_recorded_even_when_the_answer_is_an_exception() -> None:
    fault = ConnectionFailed("refused", endpoint="GET x", maybe_sent=False)
    transport = ScriptedTransport([fault])

    with pytest.raises(ConnectionFailed):
        transport.send(REQUEST)

    assert transport.requests == (REQUEST,)
    assert json_body(transport.requests[0]) == {"n": 1}


def test_a_function_sees_the_request() -> None:
    transport = ScriptedTransport([lambda request: json_answer({"asked": request.endpoint})])

    assert transport.send(REQUEST).body == b'{"asked": "GET https://hub.test/a"}'


def test_a_stream_gives_its_chunks_until_the_scripted_fault() -> None:
    fault = ConnectionFailed("reset", endpoint="GET x", maybe_sent=True)
    transport = ScriptedTransport([ScriptedStream(chunks=[b"one", b"two", fault])])

    with transport.stream(REQUEST) as answer:
        seen = [next(answer.chunks), next(answer.chunks)]
        with pytest.raises(ConnectionFailed):
            next(answer.chunks)

    assert seen == [b"one", b"two"]


def test_a_closed_stream_ends() -> None:
    transport = ScriptedTransport([ScriptedStream(chunks=[b"one", b"two"])])

    with transport.stream(REQUEST) as answer:
        seen = [next(answer.chunks)]
        answer.close()
        seen.extend(answer.chunks)

    assert seen == [b"one"]


def test_a_request_beyond_the_script_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="beyond the script"):
        ScriptedTransport([]).send(REQUEST)


def test_a_script_not_played_out_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="1 scripted answers were never asked for"):
        ScriptedTransport([json_answer({})]).assert_finished()
