"""Tensors on the wire: JSON numbers, or the protocol's binary extension."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

DATATYPES: Mapping[str, np.dtype[Any]] = {
    "FP32": np.dtype(np.float32),
    "FP16": np.dtype(np.float16),
    "FP64": np.dtype(np.float64),
    "INT64": np.dtype(np.int64),
    "INT32": np.dtype(np.int32),
    "BOOL": np.dtype(np.bool_),
}
_NAMES = {dtype: name for name, dtype in DATATYPES.items()}


class InferenceError(Exception):
    """A request that cannot be answered; the message goes to the client with status 400."""


@dataclass(frozen=True)
class Request:
    """A decoded request: inputs by name, outputs asked for, which of these as binary, the id."""

    feeds: dict[str, np.ndarray[Any, Any]]
    outputs: list[str]
    binary: dict[str, bool]
    binary_default: bool
    id: str


def decode(body: bytes, header_length: int | None) -> Request:
    """Decode a request body. Raises InferenceError."""
    length = len(body) if header_length is None else header_length
    if not 0 <= length <= len(body):
        raise InferenceError(f"the header says {length} bytes of JSON, the body has {len(body)}")
    try:
        document = json.loads(body[:length])
    except (ValueError, RecursionError):
        raise InferenceError("the request is not valid JSON") from None
    if not isinstance(document, dict) or not isinstance(document.get("inputs"), list):
        raise InferenceError('expected a JSON object with a list "inputs"')
    rest, feeds = memoryview(body)[length:], {}
    for tensor in document["inputs"]:
        name, value, used = _input(tensor, rest)
        if name in feeds:
            raise InferenceError(f"the input {name!r} is given twice")
        feeds[name] = value
        rest = rest[used:]
    if len(rest):
        raise InferenceError(f"{len(rest)} bytes of binary data are left over")
    outputs = document.get("outputs") or []
    if not isinstance(outputs, list) or not all(
        isinstance(one, dict) and isinstance(one.get("name"), str) for one in outputs
    ):
        raise InferenceError('expected "outputs" to be a list of objects with a name')
    parameters = _parameters(document)
    binary = {one["name"]: bool(_parameters(one).get("binary_data")) for one in outputs}
    default = bool(parameters.get("binary_data_output"))
    return Request(feeds, [one["name"] for one in outputs], binary, default, str(document.get("id") or ""))


def _input(tensor: Any, rest: memoryview) -> tuple[str, np.ndarray[Any, Any], int]:
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise InferenceError("each input needs a name")
    name, datatype, shape = tensor["name"], tensor.get("datatype"), tensor.get("shape")
    dtype = DATATYPES.get(datatype) if isinstance(datatype, str) else None
    if dtype is None:
        raise InferenceError(f"input {name!r}: datatype {datatype!r} is not one of {', '.join(DATATYPES)}")
    if not isinstance(shape, list) or not all(
        isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**31 for size in shape
    ):
        raise InferenceError(f"input {name!r}: shape {shape!r} is not a list of sizes")
    count = 1
    for size in shape:
        count *= size
    size = _parameters(tensor).get("binary_data_size")
    if size is None:
        return name, _from_json(name, tensor.get("data"), dtype, shape, count), 0
    if size != count * dtype.itemsize:
        raise InferenceError(
            f"input {name!r}: {size} bytes for shape {shape} of {datatype}; expected {count * dtype.itemsize}"
        )
    if len(rest) < size:
        raise InferenceError(f"input {name!r}: {size} bytes announced, {len(rest)} received")
    return name, np.frombuffer(rest[:size], dtype=dtype).reshape(shape), size


def _parameters(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    found = holder.get("parameters") or {}
    if not isinstance(found, dict):
        raise InferenceError('expected "parameters" to be an object')
    return found


def _from_json(
    name: str, data: Any, dtype: np.dtype[Any], shape: list[int], count: int
) -> np.ndarray[Any, Any]:
    try:
        value = np.asarray(data)
        if value.dtype.kind not in "bif" or (dtype.kind in "iu" and value.dtype.kind == "f"):
            raise ValueError
        if value.size != count:
            raise InferenceError(f"input {name!r}: {value.size} numbers for shape {shape}, which has {count}")
        return value.astype(dtype).reshape(shape)
    except (ValueError, TypeError, OverflowError):
        raise InferenceError(f"input {name!r}: the data are not numbers of its datatype") from None


def encode(
    names: list[str], values: list[np.ndarray[Any, Any]], request: Request, model: str, version: str
) -> tuple[bytes, dict[str, str]]:
    """Return the body and headers of a response."""
    outputs, blobs = [], []
    for name, value in zip(names, values, strict=True):
        tensor: dict[str, Any] = {"name": name, "datatype": _NAMES[value.dtype], "shape": list(value.shape)}
        if request.binary.get(name, request.binary_default):
            blob = np.ascontiguousarray(value).tobytes()
            tensor["parameters"] = {"binary_data_size": len(blob)}
            blobs.append(blob)
        else:
            if not np.isfinite(value).all():
                raise InferenceError(
                    f"output {name!r} holds NaN or infinity, which JSON has not: ask for binary_data"
                )
            tensor["data"] = value.ravel().tolist()
        outputs.append(tensor)
    document: dict[str, Any] = {"model_name": model, "model_version": version, "outputs": outputs}
    if request.id:
        document["id"] = request.id
    head = json.dumps(document).encode()
    if not blobs:
        return head, {"Content-Type": "application/json"}
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    return b"".join([head, *blobs]), headers
