"""The server answered to a client that we did not write: tritonclient."""

import json
import socket
import sys
import threading
import urllib.error
import urllib.request

import numpy as np
import pytest
from starlette.testclient import TestClient
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

from designer.errors import UserError
from designer.export.session import open_session
from designer.serve.repository import Repository
from designer.serve.routes import create_app
from designer.serve.server import run_server

TYPES = {"x": "FP32", "t": "FP32", "y": "INT64"}


def feeds(batch=2, size=8, seed=0):
    generator = np.random.default_rng(seed)
    return {
        "x": generator.standard_normal((batch, 3, size, size), dtype=np.float32),
        "t": generator.random(batch, dtype=np.float32),
        "y": generator.integers(0, 9, batch),
    }


def tensors(values, binary=True):
    found = []
    for name, value in values.items():
        one = InferInput(name, list(value.shape), TYPES.get(name, "FP32"))
        one.set_data_from_numpy(value, binary_data=binary)
        found.append(one)
    return found


def asked(**binary):
    return [InferRequestedOutput(name, binary_data=flag) for name, flag in binary.items()]


def direct(folder, values, path="plain/10"):
    return open_session(folder / path / "model.onnx", "cpu").run(None, values)


def test_health_metadata_config_index(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("plain") and client.is_model_ready("plain", "2")
    assert not client.is_model_ready("absent") and not client.is_model_ready("plain", "3")
    assert "binary_tensor_data" in client.get_server_metadata()["extensions"]
    metadata = client.get_model_metadata("plain")
    assert metadata["inputs"][0] == {"name": "x", "datatype": "FP32", "shape": [-1, 3, -1, -1]}
    assert [one["name"] for one in metadata["outputs"]] == ["out", "root"]
    assert client.get_model_config("plain")["input"][2]["data_type"] == "TYPE_INT64"
    listed = {(one["name"], one["version"]) for one in client.get_model_repository_index()}
    assert listed == {("plain", "2"), ("plain", "10"), ("certified", "1")}


@pytest.mark.parametrize("binary", [True, False], ids=["binary request", "JSON request"])
@pytest.mark.parametrize("outputs", [None, {"out": True}, {"out": False, "root": True}], ids=str)
def test_the_answer_equals_a_direct_call_bitwise(client, folder, binary, outputs):
    values = feeds()
    answer = client.infer(
        "plain", tensors(values, binary), outputs=outputs and asked(**outputs), request_id="seven"
    )
    expected = dict(zip(("out", "root"), direct(folder, values), strict=True))
    for name in outputs or expected:
        assert np.array_equal(answer.as_numpy(name), expected[name])
    assert answer.get_response()["id"] == "seven" and answer.get_response()["model_name"] == "plain"
    assert (answer.as_numpy("root") is None) == (outputs == {"out": True})


def test_a_version_is_the_newest_unless_named(client, folder):
    values = feeds()
    assert client.infer("plain", tensors(values)).get_response()["model_version"] == "10"
    old = client.infer("plain", tensors(values), model_version="2")
    assert np.array_equal(old.as_numpy("out"), direct(folder, values, "plain/2")[0])


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_a_compressed_request_is_understood(client, folder, algorithm):
    values = feeds()
    answer = client.infer("plain", tensors(values), request_compression_algorithm=algorithm)
    assert np.array_equal(answer.as_numpy("out"), direct(folder, values)[0])


def _without(name):
    return {key: value for key, value in feeds().items() if key != name}


WRONG = {
    "an unknown input": (lambda: {**feeds(), "z": np.zeros(2, np.float32)}, "no input 'z'"),
    "a missing input": (lambda: _without("y"), "'y' is missing"),
    "a wrong rank": (lambda: {**feeds(), "x": np.zeros((2, 3, 8), np.float32)}, "received shape [2, 3, 8]"),
    "wrong channels": (lambda: {**feeds(), "x": np.zeros((2, 4, 8, 8), np.float32)}, "[-1, 3, -1, -1]"),
    "an empty batch": (lambda: feeds(batch=0), "received shape [0, 3, 8, 8]"),
    "batches that differ": (lambda: {**feeds(), "t": np.zeros(3, np.float32)}, "the model refused the input"),
    "NaN": (lambda: {**feeds(), "t": np.full(2, np.nan, np.float32)}, "holds NaN or infinity"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_request_is_refused_with_its_reason(client, case):
    make, message = WRONG[case]
    with pytest.raises(InferenceServerException) as caught:
        client.infer("plain", tensors(make()))
    assert caught.value.status() == "400" and message in caught.value.message()
    assert "Traceback" not in caught.value.message()
    assert client.infer("plain", tensors(feeds())) is not None


def test_a_wrong_type_names_the_right_one(client):
    one = InferInput("x", [2, 3, 8, 8], "INT64")
    one.set_data_from_numpy(np.zeros((2, 3, 8, 8), np.int64))
    with pytest.raises(InferenceServerException, match="received int64, expected FP32"):
        client.infer("plain", [one])


def test_a_size_outside_the_certificate_is_refused(client):
    assert client.infer("certified", tensors(feeds(size=8))) is not None
    with pytest.raises(InferenceServerException, match=r"H = 6 does not fit; expected 4 to 64"):
        client.infer("certified", tensors(feeds(size=6)))


def test_unknown_names_are_404(client):
    for call in (
        lambda: client.infer("absent", tensors(feeds())),
        lambda: client.get_model_metadata("plain", "77"),
    ):
        with pytest.raises(InferenceServerException) as caught:
            call()
        assert caught.value.status() == "404"
    with pytest.raises(InferenceServerException, match="no output 'depth'"):
        client.infer("plain", tensors(feeds()), outputs=asked(depth=True))


def test_a_result_that_json_has_not_is_an_error_and_binary_carries_it(client):
    values = {**feeds(), "t": np.full(2, -1, np.float32)}
    with pytest.raises(InferenceServerException, match="ask for binary_data"):
        client.infer("plain", tensors(values), outputs=asked(root=False))
    assert np.isnan(client.infer("plain", tensors(values), outputs=asked(root=True)).as_numpy("root")).all()


def _post(server, body, headers=None):
    request = urllib.request.Request(f"http://{server.address}/v2/models/plain/infer", body, headers or {})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def _binary(size, sent, **changes):
    head = {"name": "x", "datatype": "FP32", "shape": [1, 3, 4, 4], "parameters": {"binary_data_size": size}}
    document = json.dumps({"inputs": [{**head, **changes}]}).encode()
    return document + bytes(sent), {"Inference-Header-Content-Length": str(len(document))}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", 'a list "inputs"'),
        (b'{"inputs": [3]}', "needs a name"),
        (b'{"inputs": [], "parameters": [1]}', '"parameters" to be an object'),
        (b'{"inputs": [], "outputs": [{"name": "out", "parameters": 1}]}', '"parameters" to be an object'),
        (b'{"inputs": [], "outputs": {}}', "is missing"),
        (b'{"inputs": [{"name": "x", "datatype": "BYTES", "shape": [1]}]}', "datatype 'BYTES'"),
        (b'{"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1]}]}', "not a list of sizes"),
        (
            b'{"inputs": [{"name": "t", "datatype": "FP32", "shape": [2], "data": [1]}]}',
            "1 numbers for shape",
        ),
        (b'{"inputs": [{"name": "t", "datatype": "FP32", "shape": [2], "data": ["a", "b"]}]}', "not numbers"),
        (b'{"inputs": [{"name": "y", "datatype": "INT64", "shape": [1], "data": [1.5]}]}', "not numbers"),
    ],
)
def test_a_broken_body_is_refused(server, body, message):
    status, answer = _post(server, body, {"Content-Type": "application/json"})
    assert status == 400 and message in answer["error"]


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (_binary(192, 100), "192 bytes announced, 100 received"),
        (_binary(192, 300), "108 bytes of binary data are left over"),
        (_binary(100, 100), "expected 192"),
        (_binary(-4, 0), "expected 192"),
        (_binary("192", 192), "expected 192"),
        ((b"{}", {"Inference-Header-Content-Length": "99"}), "the body has 2"),
        ((b"{}", {"Inference-Header-Content-Length": "minus"}), "not a number"),
        ((b"{}", {"Content-Encoding": "gzip"}), "not valid gzip"),
    ],
)
def test_a_truncated_or_false_binary_is_refused(server, request_, message):
    status, answer = _post(server, *request_)
    assert status == 400 and message in answer["error"]


def test_sixteen_clients_at_once_each_get_their_own_answer(server, folder):
    wrong = []

    def one_client(seed):
        client = InferenceServerClient(server.address, network_timeout=60)
        for turn in range(5):
            values = feeds(batch=1 + seed % 3, seed=100 * seed + turn)
            answer = client.infer("plain", tensors(values)).as_numpy("out")
            if not np.array_equal(answer, direct(folder, values)[0]):
                wrong.append((seed, turn))

    threads = [threading.Thread(target=one_client, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_client_that_goes_away_harms_nobody(server, client):
    host, port = server.address.split(":")
    for _ in range(5):
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall(
                b"POST /v2/models/plain/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{"
            )
    assert client.infer("plain", tensors(feeds())) is not None


def test_statistics_count_good_and_bad(client):
    before = client.get_inference_statistics("certified")["model_stats"][0]["inference_stats"]
    client.infer("certified", tensors(feeds()))
    with pytest.raises(InferenceServerException):
        client.infer("certified", tensors(feeds(size=6)))
    after = client.get_inference_statistics("certified")["model_stats"][0]["inference_stats"]
    for outcome in ("success", "fail"):
        assert after[outcome]["count"] == before[outcome]["count"] + 1
    assert len(client.get_inference_statistics()["model_stats"]) == 3


@pytest.fixture(scope="module")
def small(folder):
    """The application in this process, with small limits."""
    return Repository(folder, "cpu")


def test_an_oversized_request_is_413(small):
    client = TestClient(create_app(small, max_body=1000))
    answer = client.post("/v2/models/plain/infer", content=bytes(2000))
    assert answer.status_code == 413 and "larger than" in answer.json()["error"]


def test_a_full_server_says_503(small):
    client = TestClient(create_app(small, max_waiting=0))
    answer = client.post("/v2/models/plain/infer", content=b"{}")
    assert answer.status_code == 503 and "try again" in answer.json()["error"]


def test_a_bug_of_the_server_shows_no_traceback(small, monkeypatch):
    monkeypatch.setattr(sys.modules[create_app.__module__], "decode", lambda *_: 1 // 0)
    client = TestClient(create_app(small), raise_server_exceptions=False)
    answer = client.post("/v2/models/plain/infer", content=b"{}")
    assert answer.status_code == 500 and answer.json() == {
        "error": "internal error; the server's log says more"
    }


def test_unknown_paths_and_methods_answer_in_json(small):
    client = TestClient(create_app(small))
    assert client.get("/v3").status_code == 404 and "error" in client.get("/v3").json()
    assert client.get("/v2/models/plain/infer").status_code == 405


def test_folders_and_ports_that_cannot_be_served(server, folder, tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        run_server(tmp_path / "absent", "127.0.0.1", 0)
    with pytest.raises(UserError, match=r"holds no model\.onnx"):
        run_server(tmp_path, "127.0.0.1", 0)
    with pytest.raises(UserError, match="choose another with --port"):
        run_server(folder, "127.0.0.1", int(server.address.split(":")[1]))


def test_an_interrupt_ends_the_server_quietly(folder):
    from tests.serve.conftest import Server

    server = Server(folder)
    client = InferenceServerClient(server.address)
    assert client.infer("plain", tensors(feeds())) is not None
    assert server.stop() == 0
    assert server.errors == []
