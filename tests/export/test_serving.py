"""What an export leaves for Triton, KServe and Ray Serve: read by Triton's own schema, served by our own router."""

import ast
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from designer.export.session import open_session
from designer.serve.repository import Repository

text_format = pytest.importorskip("google.protobuf.text_format")
model_config = pytest.importorskip("tritonclient.grpc.model_config_pb2")


def parsed(path: Path):
    return text_format.Parse(path.read_text(), model_config.ModelConfig())


@pytest.mark.parametrize("preset", ["dit-tiny", "ddpm-tiny"])
def test_a_triton_model_repository(exports, preset: str) -> None:
    folder, report, _ = exports(preset)
    model = folder / "serving" / "triton" / preset
    config = parsed(model / "config.pbtxt")
    assert (config.name, config.backend, config.max_batch_size) == (preset, "onnxruntime", 8)
    assert config.dynamic_batching.max_queue_delay_microseconds > 0 and config.instance_group[0].count == 1
    assert [one.name for one in config.input] == [one["name"] for one in report.inputs]
    assert [one.name for one in config.output] == [one["name"] for one in report.outputs]
    kinds = {"FP32": "float32", "INT64": "int64"}
    session = open_session(model / "1" / "model.onnx", "cpu")
    symbols = {one.name: one.shape for one in (*session.get_inputs(), *session.get_outputs())}
    for tensor in (*config.input, *config.output):
        shape = list(tensor.reshape.shape) if tensor.HasField("reshape") else list(tensor.dims)
        real = [size if isinstance(size, int) else -1 for size in symbols[tensor.name]]
        assert [-1, *shape] == real
    declared = {one["name"]: one["dtype"] for one in report.inputs}
    types = {one.name: kinds[model_config.DataType.Name(one.data_type)[5:]] for one in config.input}
    assert types == declared
    tensorrt = parsed(model / "configs" / "tensorrt.pbtxt")
    assert tensorrt.optimization.execution_accelerators.gpu_execution_accelerator[0].name == "tensorrt"
    assert [one.name for one in tensorrt.input] == list(declared)


def test_the_warm_up_runs(exports) -> None:
    folder, _, _ = exports("dit-tiny")
    model = folder / "serving" / "triton" / "dit-tiny"
    warm_up, types = (
        parsed(model / "config.pbtxt").model_warmup[0],
        {"t": np.float32, "x": np.float32, "y": int},
    )
    assert warm_up.batch_size == 1 and warm_up.inputs["x"].random_data
    scalars = {one.name for one in parsed(model / "config.pbtxt").input if one.HasField("reshape")}
    assert scalars == {"t", "y"}
    feeds = {}
    for name, one in warm_up.inputs.items():
        feeds[name] = np.zeros([1] if name in scalars else [1, *one.dims], types[name])
    assert np.isfinite(open_session(model / "1" / "model.onnx", "cpu").run(None, feeds)[0]).all()


def test_our_server_takes_the_same_repository(exports) -> None:
    folder, report, _ = exports("ddpm-tiny")
    (model,) = Repository(folder / "serving" / "triton").all()
    assert (model.name, model.version, model.axes) == ("ddpm-tiny", "1", report.axes)
    copies = [folder / "model.onnx", model.path]
    assert copies[0].read_bytes() == copies[1].read_bytes() and os.stat(model.path).st_nlink == 2


def test_a_kserve_manifest_and_a_ray_application(exports) -> None:
    folder, _, _ = exports("dit-tiny")
    manifest = yaml.safe_load((folder / "serving" / "kserve.yaml").read_text())
    assert (manifest["apiVersion"], manifest["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert manifest["metadata"]["name"] == "dit-tiny"
    predictor = manifest["spec"]["predictor"]["model"]
    assert predictor["modelFormat"]["name"] == "triton" and predictor["protocolVersion"] == "v2"
    names = {
        node.id
        for node in ast.walk(ast.parse((folder / "serving" / "ray_app.py").read_text()))
        if isinstance(node, ast.Name)
    }
    assert {"create_app", "Repository", "app"} <= names
