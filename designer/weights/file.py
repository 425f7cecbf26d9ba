"""The safetensors format: a header in JSON, then the bytes of each tensor. Read and written as bytes."""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

from designer.errors import UserError

MAX_HEADER = 100_000_000
MAX_AXES = 64
CHUNK = 2**20
_BITS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E4M3FNUZ": 8, "F8_E5M2": 8,
    "F8_E5M2FNUZ": 8, "F8_E8M0": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A tensor in a file: where its bytes lie."""

    path: Path
    dtype: str
    shape: tuple[int, ...]
    offset: int
    size: int


@dataclass(frozen=True)
class Span:
    """Bytes of a file."""

    path: Path
    offset: int
    size: int


@dataclass(frozen=True)
class Output:
    """A tensor to write: its bytes are those of the spans, one after the other."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    spans: tuple[Span, ...]

    @property
    def size(self) -> int:
        """The number of bytes."""
        return sum(span.size for span in self.spans)


def read_header(path: Path) -> dict[str, Entry]:
    """Return the tensors of a safetensors file. Raises UserError for anything else, pickles by name."""
    try:
        total = path.stat().st_size
        with path.open("rb") as stream:
            start = stream.read(8)
            length = int.from_bytes(start, "little")
            if start[:2] in (b"PK", b"\x80\x02") or path.suffix in (".bin", ".pt", ".pth", ".ckpt", ".pkl"):
                raise UserError(
                    f"{path}: a pickled checkpoint can execute code and is refused; expected safetensors"
                )
            if len(start) < 8 or not 2 <= length <= min(MAX_HEADER, total - 8):
                raise UserError(f"{path}: not a safetensors file (its header does not fit the file)")
            text = stream.read(length)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    entries = _entries(path, text, 8 + length)
    _check_extent(path, entries, 8 + length, total)
    return entries


def _entries(path: Path, text: bytes, base: int) -> dict[str, Entry]:
    try:
        header = json.loads(text.decode("utf-8"))
        header.pop("__metadata__", None)
        pairs = header.items()
    except (ValueError, TypeError, AttributeError, RecursionError):
        raise UserError(f"{path}: not a safetensors file (its header cannot be read)") from None
    return {name: _entry(path, name, value, base) for name, value in pairs}


def _entry(path: Path, name: str, value: Any, base: int) -> Entry:
    try:
        dtype, shape, (begin, end) = value["dtype"], tuple(value["shape"]), value["data_offsets"]
    except (KeyError, TypeError, ValueError):
        raise UserError(
            f"{path}: {name}: expected dtype, shape and data_offsets, received {value!r:.80}"
        ) from None
    if not isinstance(dtype, str) or dtype not in _BITS:
        raise UserError(f"{path}: {name}: the dtype {dtype!r} is not known; there are {', '.join(_BITS)}")
    sizes = (begin, end, *shape)
    if (
        len(shape) > MAX_AXES
        or not all(type(size) is int and 0 <= size < 2**63 for size in sizes)
        or end < begin
    ):
        stated = f"the shape {list(shape)} and the bytes {begin} to {end}"
        raise UserError(f"{path}: {name}: {stated:.200} are no sizes of a tensor")
    bits = prod(shape) * _BITS[dtype]
    if (end - begin) * 8 != bits:
        raise UserError(
            f"{path}: {name}: {dtype} {list(shape)} needs {bits / 8:g} bytes, its place has {end - begin}"
        )
    return Entry(path, dtype, shape, base + begin, end - begin)


def _check_extent(path: Path, entries: Mapping[str, Entry], base: int, total: int) -> None:
    """The tensors must lie one after the other and fill the file."""
    position = base
    for name, entry in sorted(entries.items(), key=lambda pair: (pair[1].offset, pair[1].size)):
        if entry.offset != position:
            raise UserError(f"{path}: {name}: its bytes overlap another tensor's or leave a gap")
        position += entry.size
        if position > total:
            raise UserError(
                f"{path}: {name}: ends at byte {position}, the file at {total}: cut short or damaged"
            )
    if position != total:
        raise UserError(f"{path}: is {total} bytes long; its tensors need {position}: damaged")


def write(path: Path, outputs: Iterable[Output]) -> None:
    """Write a safetensors file atomically, copying a bounded number of bytes at a time. Raises UserError."""
    ordered = list(outputs)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(path) as stream:
            stream.write(_header(ordered))
            for output in ordered:
                for span in output.spans:
                    _copy(span, stream)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from None


def _header(outputs: Iterable[Output]) -> bytes:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    position = 0
    for one in outputs:
        header[one.name] = {
            "dtype": one.dtype, "shape": list(one.shape), "data_offsets": [position, position + one.size]
        }  # fmt: skip
        position += one.size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _copy(span: Span, stream: IO[bytes]) -> None:
    with span.path.open("rb", buffering=0) as source:
        source.seek(span.offset)
        left = span.size
        while left:
            data = source.read(min(left, CHUNK))
            if not data:
                raise UserError(f"{span.path}: ended early; it changed while it was read")
            stream.write(data)
            left -= len(data)
