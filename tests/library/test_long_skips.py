"""Long skips of transformers in the sockets of the unified skip fusion."""

import pytest
import torch

from designer.check import check
from designer.library import definitions
from designer.reader import read_design
from designer.render import load_model, render


@pytest.mark.parametrize("gate", ["UnitGate", "ScaleLongConstant"])
@pytest.mark.parametrize("fuse", ["Add", "LongSkip", "NormedLongSkip", "LearnedLerp"])
def test_long_skip_fills_the_socket(fuse: str, gate: str) -> None:
    streams = [{"name": name, "role": "tokens", "shape": "B N 8"} for name in ("d", "s")]
    main = {
        "inputs": streams,
        "outputs": [{"name": "y", "role": "tokens", "from": ["skip", "y"]}],
        "nodes": {"skip": {"call": "TokenSkipFusion", "params": {"fuse": fuse, "gate_s": gate, "level": 3}}},
        "edges": [["d", "skip.d"], ["s", "skip.s"]],
    }
    fillings = [fuse] if fuse.endswith("LongSkip") else []
    document = {
        "format": "diffusion-design", "format_version": 1, "name": "Skip", "main": "Main",
        "definitions": {"Main": main, **definitions("TokenSkipFusion", *fillings)},
    }  # fmt: skip
    design = read_design(document)
    assert check(design).ok
    model = load_model(render(design))().eval()
    assert model(torch.randn(2, 5, 8), torch.randn(2, 5, 8)).shape == (2, 5, 8)
