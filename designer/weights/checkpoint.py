"""The tensors of a checkpoint: one safetensors file, shards with an index, or a model folder that holds either."""

import json
from pathlib import Path

from designer.errors import UserError
from designer.weights.file import Entry, read_header

INDEX = ".safetensors.index.json"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


def read_checkpoint(path: Path) -> dict[str, Entry]:
    """Return every tensor by name. Raises UserError for what is missing, damaged, pickled or ambiguous."""
    chosen = find_checkpoint(path) if path.is_dir() else path
    if not chosen.exists():
        raise UserError(f"{path}: no such file of weights")
    return _read_shards(chosen) if chosen.name.endswith(".json") else read_header(chosen)


def find_checkpoint(folder: Path) -> Path:
    """Return the weights of a model folder: its index, else its only safetensors file without a variant."""
    indices = _plain(sorted(folder.glob(f"*{INDEX}")))
    files = _plain([one for one in sorted(folder.glob("*.safetensors")) if not _is_shard(one)])
    found = files if len(files) == 1 else indices or files
    if len(found) == 1:
        return found[0]
    if found:
        raise UserError(
            f"{folder}: holds several weights ({', '.join(one.name for one in found)}); name one with --weights"
        )
    pickles = sorted(one.name for one in folder.iterdir() if one.suffix in _PICKLES)
    if pickles:
        raise UserError(f"{folder}: {pickles[0]} is a pickled checkpoint, which can execute code and is refused; expected safetensors")  # fmt: skip
    raise UserError(f"{folder}: holds no weights; expected a .safetensors file or {INDEX}")


def _plain(paths: list[Path]) -> list[Path]:
    """Those without a variant such as ".fp16." in their name, if there are any."""
    plain = [
        one for one in paths if one.name.removesuffix(INDEX).removesuffix(".safetensors").count(".") == 0
    ]
    return plain or paths


def _is_shard(path: Path) -> bool:
    return "-of-" in path.stem


def _read_shards(index: Path) -> dict[str, Entry]:
    try:
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        names = {str(name): str(file) for name, file in places.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f'{index}: not an index of shards; expected JSON with a "weight_map"') from None
    found: dict[str, Entry] = {}
    for file in sorted(set(names.values())):
        if Path(file).name != file or file in (".", ".."):
            raise UserError(f"{index}: names {file!r}; a shard must lie in the folder of the index")
        shard = index.parent / file
        if not shard.exists():
            raise UserError(f"{index}: names {file}, which is not there")
        entries = read_header(shard)
        for name in (name for name, place in names.items() if place == file):
            if name not in entries:
                raise UserError(f"{shard}: has no tensor {name}, which {index.name} says it has")
            found[name] = entries[name]
    return {name: found[name] for name in names}
