"""The Ray Serve application of an export, run by Ray with two replicas; needs ray[serve], so it is skipped without."""

import importlib
import os
from pathlib import Path

import numpy as np
import pytest
from tritonclient.http import InferenceServerClient, InferInput

from designer.export import export_onnx
from designer.export.session import open_session
from designer.presets import build

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_two_replicas_answer_as_a_direct_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray, serve = pytest.importorskip("ray"), pytest.importorskip("ray.serve")
    export_onnx(build("ddpm-tiny"), tmp_path, check=False)
    paths = [str(tmp_path / "serving"), str(ROOT), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.syspath_prepend(paths[0])
    module = importlib.import_module("ray_app")
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=100_000_000,
        log_to_driver=False,
    )
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": 18801})
        serve.run(module.app)
        replicas = serve.status().applications["default"].deployments["Denoiser"].replica_states
        assert replicas == {"RUNNING": 2}
        values = {
            "x": np.random.default_rng(0).standard_normal((2, 1, 16, 16), dtype=np.float32),
            "t": np.array([3, 700], np.float32),
        }
        tensors = []
        for name, value in values.items():
            tensors.append(InferInput(name, list(value.shape), "FP32"))
            tensors[-1].set_data_from_numpy(value)
        client = InferenceServerClient("127.0.0.1:18801", network_timeout=60)
        (want,) = open_session(tmp_path / "model.onnx", "cpu").run(None, values)
        for _ in range(8):
            answer = client.infer("ddpm-tiny", tensors).as_numpy("eps")
            np.testing.assert_allclose(answer, want, rtol=1e-5, atol=1e-6)
        client.close()
    finally:
        serve.shutdown()
        ray.shutdown()
