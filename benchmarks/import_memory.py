"""The memory that `designer import --weights` takes: `python benchmarks/import_memory.py [MB]…`.

For each size a checkpoint of a DiT as diffusers keeps it is written, as one file and in shards, whose queries,
keys and values the import joins. Measured is the largest memory that the processes of the command have
together (resident, sampled from /proc), with and without weights: what comes on top of the interpreter and the
design does not depend on the size of the file.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from diffusers import DiTTransformer2DModel

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks._record import record, table  # noqa: E402

SHARD, MB = 100 * 2**20, 2**20
HEADER = ("file", "stored as", "tensors", "without weights", "with weights", "with weights / file", "time")


def arguments(megabytes: int) -> dict[str, object]:
    """Return the configuration of a DiT of about this size in fp32."""
    width = 24 * max(4, round((megabytes * MB / 4 / (18 * 12)) ** 0.5 / 24))
    return {
        "_class_name": "DiTTransformer2DModel", "num_attention_heads": width // 24, "attention_head_dim": 24,
        "num_layers": 12, "sample_size": 8, "num_embeds_ada_norm": 10,
    }  # fmt: skip


def shapes(config: Mapping[str, object]) -> dict[str, list[int]]:
    """Return the tensors of the class by name."""
    with torch.device("meta"):
        model = DiTTransformer2DModel(**{name: one for name, one in config.items() if name[0] != "_"})
    return {name: list(tensor.shape) for name, tensor in model.state_dict().items()}


def write(path: Path, tensors: Mapping[str, list[int]]) -> int:
    """Write a file of random fp32 tensors in the safetensors format; return its size."""
    header, position = {}, 0
    for name, shape in tensors.items():
        size = 4 * torch.Size(shape).numel()
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [position, position + size]}
        position += size
    text, noise = json.dumps(header).encode(), os.urandom(MB)
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for start in range(0, position, MB):
            stream.write(noise[: position - start])
    return path.stat().st_size


def write_shards(folder: Path, tensors: Mapping[str, list[int]]) -> None:
    """Write shards of about 100 MB and their index."""
    shards: list[dict[str, list[int]]] = [{}]
    room = SHARD
    for name, shape in tensors.items():
        size = 4 * torch.Size(shape).numel()
        if size > room and shards[-1]:
            shards.append({})
            room = SHARD
        shards[-1][name], room = shape, room - size
    places = {}
    for number, part in enumerate(shards, 1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        write(folder / file, part)
        places |= dict.fromkeys(part, file)
    index = json.dumps({"weight_map": places})
    (folder / "model.safetensors.index.json").write_text(index, encoding="utf-8")


def peak(command: list[str]) -> tuple[int, float]:
    """Return the largest memory of a command and all its children together in bytes, and its time."""
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    largest = 0
    while process.poll() is None:
        largest = max(largest, resident(process.pid))
        time.sleep(0.002)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    return largest, time.perf_counter() - started


def resident(pid: int) -> int:
    """Return the peak memory of a process, plus that of its children."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="utf-8").split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    own = next((int(line.split()[1]) for line in status.split("\n") if line.startswith("VmHWM")), 0)
    return 1024 * own + sum(resident(int(child)) for child in children)


def main() -> None:
    """Print the table and record it."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("sizes", nargs="*", type=int, default=[10, 50, 250, 1000], metavar="MB")
    rows = []
    for megabytes in parser.parse_args().sizes:
        config = arguments(megabytes)
        tensors = shapes(config)
        for stored in ("one file", "shards"):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
                command = [
                    sys.executable,
                    "-m",
                    "designer",
                    "import",
                    name,
                    "--force",
                    "-o",
                    f"{name}/d.json",
                ]
                write_shards(folder, tensors) if stored == "shards" else write(
                    folder / "model.safetensors", tensors
                )
                size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
                bare, _ = peak(command)
                full, seconds = peak([*command, "--weights-out", f"{name}/out/w.safetensors"])
            memory = (f"{bare / MB:.1f} MB", f"{full / MB:.1f} MB", f"{full / size:.2f}")
            rows.append((f"{size / MB:.0f} MB", stored, str(len(tensors)), *memory, f"{seconds:.1f} s"))
            print("  ".join(rows[-1]), flush=True)
    text = table(HEADER, rows, right=frozenset({0, 2, 3, 4, 5, 6}))
    record("import_memory.md", "Memory of an import with weights", "python -m benchmarks import_memory", text)


if __name__ == "__main__":
    main()
