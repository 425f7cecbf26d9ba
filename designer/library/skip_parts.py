"""Small composites that fill sockets of the skip fusion: products of weights, concatenation, FreeU by its keys."""

from typing import Any

from designer.library import Composite

_MAP = {"name": "x", "role": "map", "shape": "B channels H W"}
_CHANNELS = {"channels": {"type": "int", "help": "channels of the map"}}
_STAGES: dict[str, Any] = {
    "level": {"type": "int", "default": 1, "min": 1, "help": "number of the level, 1 the shallowest"},
    "levels": {"type": "int", "default": 4, "min": 2, "help": "how many levels there are"},
}
_FREEU = "Si et al. 2023, arXiv:2309.11497"
_BY_WIDTH = ("channels == wide", "channels == wide or 2*channels == wide")
_BY_LEVEL = ("level == levels", "level >= levels - 1")


def _freeu(block: str, by_width: bool, factors: tuple[float, float], stream: str) -> dict[str, Any]:
    """FreeU on one stream: two factors, for the deepest stage and the one above it, else nothing."""
    deepest, either = _BY_WIDTH if by_width else _BY_LEVEL
    keys = (
        {"wide": {"type": "int", "default": 1280, "min": 2, "help": "channels of the widest stage"}}
        if by_width
        else _STAGES
    )
    where = "keyed on channel width, as published" if by_width else "keyed on the level, as in diffusers"
    first, second = factors
    return {
        "doc": f"FreeU on the {stream} of the two deepest stages, {where}; for sampling with a trained network.",
        "reference": _FREEU,
        "parameters": {
            **_CHANNELS,
            **keys,
            "first": {"type": "float", "default": first, "min": 0, "help": "factor of the deepest stage"},
            "second": {"type": "float", "default": second, "min": 0, "help": "factor of the stage above it"},
        },
        "inputs": [_MAP],
        "outputs": [{**_MAP, "name": "out", "from": ["freeu", "out"]}],
        "nodes": {
            "freeu": {
                "call": block,
                "params": {"factor": f"first if {deepest} else second"},
                "when": either,
            }
        },
        "edges": [["x", "freeu.x"]],
    }


_PRODUCT: dict[str, Any] = {
    "doc": "The product of two weights, such as a level's and a noise level's: w = κ_ℓ · g(SNR).",
    "reference": "Huang et al. 2023, arXiv:2310.13545; Kingma et al. 2021, arXiv:2107.00630",
    "parameters": {
        **_STAGES,
        "first": {"type": "block", "default": "SNRGate", "help": "a weight that is a tensor"},
        "second": {"type": "block", "default": "ExponentialGate", "help": "a weight or a number"},
    },
    "inputs": [
        {"name": "x", "role": "map", "shape": "B channels H W"},
        {"name": "c", "role": "vector", "shape": "B cond_size", "optional": True},
        {"name": "log_snr", "role": "log_snr", "shape": "B", "optional": True},
        {"name": "strength", "role": "strength", "shape": "B", "optional": True},
    ],
    "outputs": [{"name": "out", "role": "gate", "from": ["product", "out"]}],
    "nodes": {
        "first": {"call": "=first", "params": {"level": "level", "levels": "levels"}},
        "second": {"call": "=second", "params": {"level": "level", "levels": "levels"}},
        "product": {"call": "Weigh"},
    },
    "edges": [
        *(
            [one, f"{node}.{one}"]
            for node in ("first", "second")
            for one in ("x", "c", "log_snr", "strength")
        ),
        ["first.out", "product.x"],
        ["second.out", "product.w"],
    ],
}

_SCEDIT = "Jiang et al. 2023, arXiv:2312.11392"
_TUNER_LAYERS: dict[str, Any] = {
    "fc1": {"call": "Projection", "params": {"out_channels": "channels"}},
    "act": {"call": "GELU", "params": {"approximate": "none"}},
    "fc2": {
        "call": "ZeroConv",
        "params": {"out_channels": "channels"},
        "help": "starts at 0: the skip passes unchanged",
    },
}
_TUNER: dict[str, Any] = {
    "doc": "A residual two-layer map on each pixel of a skip (SC-Tuner): s + W₂ GELU(W₁ s), W₂ zero at start.",
    "reference": _SCEDIT,
    "parameters": _CHANNELS,
    "inputs": [_MAP],
    "outputs": [{**_MAP, "name": "out", "from": ["add", "out"]}],
    "nodes": {**_TUNER_LAYERS, "add": {"call": "Add"}},
    "edges": [
        ["x", "fc1.x"],
        ["fc1.out", "act.x"],
        ["act.out", "fc2.x"],
        ["x", "add.a"],
        ["fc2.out", "add.b"],
    ],
}
_CONTROLLED_TUNER: dict[str, Any] = {
    "doc": "A residual two-layer map on each pixel of a skip and a control (CSC-Tuner): s + γ(c + W₂ GELU(W₁(s + c))).",
    "reference": _SCEDIT,
    "parameters": {
        **_CHANNELS,
        "strength": {"type": "float", "default": 1.0, "min": 0, "help": "strength of the control, γ"},
    },
    "inputs": [_MAP, {"name": "control", "role": "control", "shape": "B channels H W"}],
    "outputs": [{**_MAP, "name": "out", "from": ["inject", "out"]}],
    "nodes": {
        "join": {"call": "Add"},
        **_TUNER_LAYERS,
        "tuned": {"call": "Add"},
        "inject": {"call": "ControlResidual", "params": {"strength": "strength"}},
    },
    "edges": [
        ["x", "join.a"], ["control", "join.b"], ["join.out", "fc1.x"], ["fc1.out", "act.x"], ["act.out", "fc2.x"],
        ["control", "tuned.a"], ["fc2.out", "tuned.b"], ["x", "inject.x"], ["tuned.out", "inject.control"],
    ],
}  # fmt: skip

_CONCAT_PROJECT: dict[str, Any] = {
    "doc": "Both streams side by side, then a 1×1 projection to the channels of the trunk.",
    "reference": "Ronneberger et al. 2015, arXiv:1505.04597",
    "parameters": _CHANNELS,
    "inputs": [
        {"name": "a", "role": "map", "shape": "B channels H W"},
        {"name": "b", "role": "map", "shape": "B skip_channels H W"},
    ],
    "outputs": [{"name": "out", "role": "map", "shape": "B channels H W", "from": ["proj", "out"]}],
    "nodes": {
        "concat": {"call": "ConcatChannels"},
        "proj": {"call": "Projection", "params": {"out_channels": "channels"}},
    },
    "edges": [["a", "concat.a"], ["b", "concat.b"], ["concat.out", "proj.x"]],
}

_TOKEN_CONCAT: dict[str, Any] = {
    "doc": "Both token streams side by side, then a linear map to the features of the trunk, as in U-ViT.",
    "reference": "Bao et al. 2022, arXiv:2209.12152",
    "parameters": {"channels": {"type": "int", "help": "features of the trunk"}},
    "inputs": [
        {"name": "a", "role": "tokens", "shape": "B N channels"},
        {"name": "b", "role": "tokens", "shape": "B N skip_channels"},
    ],
    "outputs": [{"name": "out", "role": "tokens", "shape": "B N channels", "from": ["proj", "out"]}],
    "nodes": {
        "concat": {"call": "ConcatFeatures"},
        "proj": {"call": "Linear", "params": {"out_features": "channels"}},
    },
    "edges": [["a", "concat.a"], ["b", "concat.b"], ["concat.out", "proj.x"]],
}


COMPOSITES = (
    Composite("ProductGate", "Gate", "Product of two weights", "5.2", _PRODUCT),
    Composite("SkipTuner", "Transform", "Skip tuner", "6, 8", _TUNER),
    Composite("ControlledSkipTuner", "Transform", "Skip tuner with control", "8", _CONTROLLED_TUNER),
    Composite("ConcatProject", "Fusion", "Concatenate and project", "7", _CONCAT_PROJECT),
    Composite("ConcatLinear", "Fusion", "Concatenate and project tokens", "2.4.3, 7", _TOKEN_CONCAT),
    Composite(
        "FreeUBackboneByWidth",
        "Transform",
        "FreeU, trunk, by width",
        "6",
        _freeu("FreeUBackbone", True, (1.5, 1.6), "trunk"),
    ),
    Composite(
        "FreeUSkipByWidth",
        "Transform",
        "FreeU, skip, by width",
        "6",
        _freeu("FreeUSkip", True, (0.9, 0.2), "skip"),
    ),
    Composite(
        "FreeUBackboneByLevel",
        "Transform",
        "FreeU, trunk, by level",
        "6",
        _freeu("FreeUBackbone", False, (1.5, 1.6), "trunk"),
    ),
    Composite(
        "FreeUSkipByLevel",
        "Transform",
        "FreeU, skip, by level",
        "6",
        _freeu("FreeUSkip", False, (0.9, 0.2), "skip"),
    ),
)
