"""Names further outputs in an ONNX file, by its protobuf bytes; needs no onnx package."""

from collections.abc import Iterator, Sequence
from typing import Final

from nbp_dagster.errors import NbpError

# Fields of onnx.proto: ModelProto.graph, GraphProto.output, ValueInfoProto.name.
_GRAPH: Final = 7
_OUTPUT: Final = 12
_NAME: Final = 1
_BYTES: Final = 2  # wire type of text, bytes and nested records


class BrokenModel(NbpError):
    """Bytes that are no ONNX model."""


def add_outputs(model: bytes, names: Sequence[str]) -> bytes:
    """Return the model with inner values as further outputs, their shapes left open.

    Args:
        model: An ONNX file.
        names: Names of values inside the graph; onnxruntime refuses one that is not there.

    Raises:
        BrokenModel: The bytes are cut short or hold no graph.
    """
    outputs = b"".join(_field(_OUTPUT, _field(_NAME, name.encode())) for name in names)
    parts, found = [], False
    for number, start, body, end in _fields(model):
        if number == _GRAPH:
            found = True
            parts.append(_field(_GRAPH, model[body:end] + outputs))
        else:
            parts.append(model[start:end])
    if not found:
        raise BrokenModel("the model file holds no graph; give an ONNX file")
    return b"".join(parts)


def _fields(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield each field's number, and where it, its content and the next one begin."""
    place = 0
    while place < len(data):
        start = place
        key, place = _read_number(data, place)
        wire, body = key & 7, place
        if wire == 0:
            _, place = _read_number(data, place)
        elif wire == _BYTES:
            length, body = _read_number(data, place)
            place = body + length
        elif wire in (1, 5):
            place += 8 if wire == 1 else 4
        else:
            raise BrokenModel(f"the model file has a field of kind {wire}; give an ONNX file")
        if place > len(data):
            raise BrokenModel("the model file is cut short; fetch it again")
        yield key >> 3, start, body, place


def _read_number(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while place < len(data) and shift < 64:
        byte = data[place]
        value |= (byte & 127) << shift
        place, shift = place + 1, shift + 7
        if byte < 128:
            return value, place
    raise BrokenModel("the model file is cut short; fetch it again")


def _field(number: int, content: bytes) -> bytes:
    return _number(number << 3 | _BYTES) + _number(len(content)) + content


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
