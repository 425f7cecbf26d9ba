"""A rendered file needs torch and nothing of ours: it runs in an isolated interpreter that cannot import `designer`."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

from designer.presets import build
from designer.render import render, write

PROGRAM = """
import importlib.util, json, sys
sys.meta_path.insert(0, type("Block", (), {"find_spec": staticmethod(lambda name, *_: sys.exit(f"imports {name}") if
    name.partition(".")[0] in ("designer", "diffusers", "blocks") else None)}))
spec = importlib.util.spec_from_file_location("model", sys.argv[1])
module = importlib.util.module_from_spec(spec)
sys.modules["model"] = module
spec.loader.exec_module(module)
import torch
model = getattr(module, sys.argv[2])()
inputs = [torch.ones(shape, dtype=getattr(torch, dtype)) for shape, dtype in json.loads(sys.argv[3])]
out = model(*inputs)
out.square().mean().backward()
print(json.dumps({"shape": list(out.shape), "parameters": sum(one.numel() for one in model.parameters())}))
"""


@pytest.mark.parametrize("preset", ["ddpm-tiny", "dit-tiny"])
def test_runs_alone(preset: str, tmp_path: Path) -> None:
    rendering = render(build(preset))
    (path,) = write(rendering, tmp_path)
    modules = {
        name.partition(".")[0]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
        )
    }
    assert modules <= {"math", "collections", "torch"}
    sizes = {"B": 2, "H": 16, "W": 16}
    inputs = [([sizes.get(str(size), size) for size in one.shape], one.dtype) for one in rendering.inputs]
    command = [
        sys.executable,
        "-I",
        "-c",
        PROGRAM,
        str(path),
        rendering.class_name,
        json.dumps(inputs),
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["shape"][2:] == [16, 16]
