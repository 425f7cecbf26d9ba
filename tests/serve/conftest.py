"""A server of two small models in a process of its own, as `designer serve` starts it."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]


def scaled_model(path: Path, factor: float) -> None:
    """Write a model of x [B, 3, H, W], t [B] and y [B]: out = factor·x + t + y, as an export shapes its inputs."""
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["B", 3, "H", "W"]),
        helper.make_tensor_value_info("t", TensorProto.FLOAT, ["B"]),
        helper.make_tensor_value_info("y", TensorProto.INT64, ["B"]),
    ]
    outputs = [
        helper.make_tensor_value_info("out", TensorProto.FLOAT, ["B", 3, "H", "W"]),
        helper.make_tensor_value_info("root", TensorProto.FLOAT, ["B"]),
    ]
    constants = {"factor": np.array(factor, np.float32), "shape": np.array([-1, 1, 1, 1])}
    nodes = [
        helper.make_node("Cast", ["y"], ["label"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["t", "label"], ["shift"]),
        helper.make_node("Reshape", ["shift", "shape"], ["wide"]),
        helper.make_node("Mul", ["x", "factor"], ["scaled"]),
        helper.make_node("Add", ["scaled", "wide"], ["out"]),
        helper.make_node("Sqrt", ["t"], ["root"]),
    ]
    initial = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "scaled", inputs, outputs, initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    path.parent.mkdir(parents=True)
    onnx.save(model, str(path))


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A folder of models: `plain` in two versions, `certified` whose report admits multiples of 4."""
    root = tmp_path_factory.mktemp("models")
    scaled_model(root / "plain" / "2" / "model.onnx", 2.0)
    scaled_model(root / "plain" / "10" / "model.onnx", 10.0)
    scaled_model(root / "certified" / "model.onnx", 3.0)
    four = {"modulus": 4, "residues": [0], "low": 4, "high": 64}
    (root / "certified" / "export.json").write_text(json.dumps({"axes": {"H": four, "W": four}}))
    return root


class Server:
    """`designer serve` in a child process on a free port."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "designer", "serve", str(folder), "--port", "0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        )
        self.errors: list[str] = []
        threading.Thread(target=lambda: self.errors.extend(self.process.stderr), daemon=True).start()
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            found = re.search(r"http://([\d.]+:\d+)/v2", line)
            if found:
                self.address = found.group(1)
                return
        raise RuntimeError("".join(lines + self.errors))

    def stop(self) -> int:
        """Interrupt the server as a person does; return its exit status."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)


@pytest.fixture(scope="session")
def server(folder):
    one = Server(folder)
    yield one
    one.stop()


@pytest.fixture
def client(server):
    from tritonclient.http import InferenceServerClient

    one = InferenceServerClient(server.address, concurrency=1, network_timeout=60)
    yield one
    one.close()
