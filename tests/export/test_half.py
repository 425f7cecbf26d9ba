"""fp16 files load where one value goes into several operators that stay in fp32."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from designer.export.half import to_half


def test_a_value_read_by_two_operators_in_fp32(tmp_path: Path) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in ("x", "y"))
    nodes = [
        helper.make_node("Mul", ["x", "x"], ["square"], "mul"),
        helper.make_node("Sin", ["square"], ["sin"], "sin"),
        helper.make_node("Cos", ["square"], ["cos"], "cos"),
        helper.make_node("Add", ["sin", "cos"], ["y"], "add"),
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "g", [x], [y]), opset_imports=[helper.make_opsetid("", 20)]
    )
    model.ir_version = 10
    path = tmp_path / "model.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(model), str(path))
    to_half(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    value = np.linspace(0, 2, 7, dtype=np.float32)
    (found,) = session.run(None, {"x": value})
    np.testing.assert_allclose(found, np.sin(value**2) + np.cos(value**2), atol=5e-3)


def test_angles_keep_their_turns(tmp_path: Path) -> None:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N"]) for name in ("x", "y"))
    nodes = [
        helper.make_node("Log", ["x"], ["log"], "log"),
        helper.make_node("Mul", ["log", "w"], ["angle"], "angle"),
        helper.make_node("Sin", ["angle"], ["sin"], "sin"),
        helper.make_node("Mul", ["sin", "sin"], ["y"], "square"),
    ]
    frequency = helper.make_tensor("w", TensorProto.FLOAT, [], [300.0])
    model = helper.make_model(
        helper.make_graph(nodes, "g", [x], [y], [frequency]), opset_imports=[helper.make_opsetid("", 20)]
    )
    model.ir_version = 10
    path = tmp_path / "model.onnx"
    onnx.save(onnx.shape_inference.infer_shapes(model), str(path))
    to_half(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    value = np.geomspace(0.002, 80, 50, dtype=np.float32)
    (found,) = session.run(None, {"x": value})
    np.testing.assert_allclose(found, np.sin(300 * np.log(value.astype(np.float64))) ** 2, atol=2e-3)
