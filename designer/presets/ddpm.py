"""The DDPM U-Net (Ho et al. 2020): residual blocks with additive time embedding, attention at 16×16."""

from functools import partial
from typing import Any

from designer.presets import Preset

REFERENCE = "Ho, Jain & Abbeel 2020, arXiv:2006.11239"

_RES_BLOCK: dict[str, Any] = {
    "doc": "Residual block: normalise, activate, convolve, twice; the time embedding is added in between.",
    "reference": REFERENCE,
    "parameters": {
        "in_channels": {"type": "int", "help": "channels of the input"},
        "out_channels": {"type": "int", "help": "channels of the output"},
        "temb_channels": {"type": "int", "help": "size of the time embedding"},
        "num_groups": {"type": "int", "default": 32, "help": "groups of the normalisations"},
        "dropout": {"type": "float", "default": 0.1, "min": 0, "max": 0.99, "help": "dropout before the last convolution"},
    },
    "inputs": [
        {"name": "x", "role": "map", "shape": "B in_channels H W"},
        {"name": "temb", "role": "vector", "shape": "B temb_channels"},
    ],
    "outputs": [{"name": "x", "role": "map", "shape": "B out_channels H W", "from": ["add", "out"]}],
    "nodes": {
        "norm1": {"call": "GroupNorm", "params": {"num_groups": "num_groups", "eps": 1e-6}},
        "act1": {"call": "SiLU"},
        "conv1": {"call": "Conv2d", "params": {"out_channels": "out_channels"}},
        "temb_act": {"call": "SiLU"},
        "temb_proj": {"call": "Linear", "params": {"out_features": "out_channels"}},
        "add_temb": {"call": "AddEmbedding"},
        "norm2": {"call": "GroupNorm", "params": {"num_groups": "num_groups", "eps": 1e-6}},
        "act2": {"call": "SiLU"},
        "dropout": {"call": "Dropout", "params": {"p": "dropout"}},
        "conv2": {
            "call": "Conv2d",
            "params": {"out_channels": "out_channels", "init": "zero"},
            "help": "starts at 0, so that the block starts as its shortcut (article section 9)",
        },
        "shortcut": {
            "call": "Conv2d",
            "params": {"out_channels": "out_channels", "kernel_size": 1, "padding": 0},
            "when": "in_channels != out_channels",
        },
        "add": {"call": "Add"},
    },
    "edges": [
        ["x", "norm1.x"], ["norm1.out", "act1.x"], ["act1.out", "conv1.x"],
        ["temb", "temb_act.x"], ["temb_act.out", "temb_proj.x"],
        ["conv1.out", "add_temb.x"], ["temb_proj.out", "add_temb.embedding"],
        ["add_temb.out", "norm2.x"], ["norm2.out", "act2.x"], ["act2.out", "dropout.x"], ["dropout.out", "conv2.x"],
        ["x", "shortcut.x"], ["shortcut.out", "add.a"], ["conv2.out", "add.b"],
    ],
}  # fmt: skip

_ATTENTION_BLOCK: dict[str, Any] = {
    "doc": "Self-attention over pixels as a residual branch.",
    "reference": REFERENCE,
    "parameters": {
        "channels": {"type": "int", "help": "channels of the map"},
        "num_groups": {"type": "int", "default": 32, "help": "groups of the normalisation"},
    },
    "inputs": [{"name": "x", "role": "map", "shape": "B channels H W"}],
    "outputs": [{"name": "x", "role": "map", "shape": "B channels H W", "from": ["add", "out"]}],
    "nodes": {
        "norm": {"call": "GroupNorm", "params": {"num_groups": "num_groups", "eps": 1e-6}},
        "attention": {"call": "SpatialSelfAttention"},
        "add": {"call": "Add"},
    },
    "edges": [["x", "norm.x"], ["norm.out", "attention.x"], ["x", "add.a"], ["attention.out", "add.b"]],
}

_COMMON: dict[str, Any] = {
    "temb_channels": {"type": "int", "help": "size of the time embedding"},
    "num_groups": {"type": "int", "default": 32, "help": "groups of the normalisations"},
    "dropout": {"type": "float", "default": 0.1, "help": "dropout in residual blocks"},
    "attention": {"type": "bool", "default": False, "help": "attention after each residual block"},
}
_PASS_ON = {"num_groups": "num_groups", "dropout": "dropout"}

_UNET_BLOCK: dict[str, Any] = {
    "doc": "Residual block, then attention where the level has it.",
    "parameters": {
        "in_channels": {"type": "int", "help": "channels of the input"},
        "out_channels": {"type": "int", "help": "channels of the output"},
        **_COMMON,
    },
    "inputs": _RES_BLOCK["inputs"],
    "outputs": [{"name": "x", "role": "map", "shape": "B out_channels H W", "from": ["attn", "x"]}],
    "nodes": {
        "res": {"call": "ResBlock", "params": {"out_channels": "out_channels", **_PASS_ON}},
        "attn": {"call": "AttentionBlock", "params": {"num_groups": "num_groups"}, "when": "attention"},
    },
    "edges": [["x", "res.x"], ["temb", "res.temb"], ["res.x", "attn.x"]],
}

_UP_BLOCK: dict[str, Any] = {
    "doc": "Concatenate one encoder skip, then a U-Net block.",
    "parameters": {
        "in_channels": {"type": "int", "help": "channels that come from below"},
        "skip_channels": {"type": "int", "help": "channels of the skip"},
        "out_channels": {"type": "int", "help": "channels of the output"},
        **_COMMON,
    },
    "inputs": [
        {"name": "x", "role": "map", "shape": "B in_channels H W"},
        {"name": "skip", "role": "skip", "shape": "B skip_channels H W"},
        {"name": "temb", "role": "vector", "shape": "B temb_channels"},
    ],
    "outputs": [{"name": "x", "role": "map", "shape": "B out_channels H W", "from": ["block", "x"]}],
    "nodes": {
        "concat": {"call": "ConcatChannels"},
        "block": {
            "call": "UNetBlock",
            "params": {"out_channels": "out_channels", "attention": "attention", **_PASS_ON},
        },
    },
    "edges": [["x", "concat.a"], ["skip", "concat.b"], ["concat.out", "block.x"], ["temb", "block.temb"]],
}

_LEVEL_BLOCK = {"out_channels": "out_channels", "attention": "attention", **_PASS_ON}

_DOWN_LEVEL: dict[str, Any] = {
    "doc": "One encoder resolution: blocks, then halving. Its skips are its input and the output of each block.",
    "reference": REFERENCE,
    "parameters": {
        "in_channels": {"type": "int", "help": "channels of the input"},
        "out_channels": {"type": "int", "help": "channels of the level"},
        "num_blocks": {"type": "int", "default": 2, "min": 1, "max": 16, "help": "residual blocks"},
        **_COMMON,
        "downsample": {"type": "bool", "default": True, "help": "halve the resolution at the end"},
    },
    "inputs": _RES_BLOCK["inputs"],
    "outputs": [
        {"name": "x", "role": "map", "from": ["down", "out"]},
        {"name": "skips", "role": "skip", "stack": True, "from": ["push", "out"]},
    ],
    "nodes": {
        "blocks": {"call": "UNetBlock", "repeat": "num_blocks", "params": _LEVEL_BLOCK},
        "push": {"call": "PushSkip"},
        "down": {"call": "DownsampleConv", "when": "downsample"},
    },
    "edges": [
        ["x", "blocks.x"], ["temb", "blocks.temb"], ["x", "push.first"], ["blocks.x[]", "push.rest"],
        ["blocks.x", "down.x"],
    ],
}  # fmt: skip

_UP_LEVEL: dict[str, Any] = {
    "doc": "One decoder resolution: each block takes one skip of the encoder level, last one first; then doubling.",
    "reference": REFERENCE,
    "parameters": {
        "in_channels": {"type": "int", "help": "channels that come from below"},
        "skip_channels": {"type": "list", "help": "channels of each skip of the encoder level"},
        "out_channels": {"type": "int", "help": "channels of the level"},
        "num_blocks": {
            "type": "int",
            "default": 3,
            "min": 1,
            "max": 17,
            "help": "residual blocks: one a skip",
        },
        **_COMMON,
        "upsample": {"type": "bool", "default": True, "help": "double the resolution at the end"},
    },
    "inputs": [
        {"name": "x", "role": "map", "shape": "B in_channels H W"},
        {"name": "skips", "role": "skip", "shape": "B skip_channels H W", "stack": True},
        {"name": "temb", "role": "vector", "shape": "B temb_channels"},
    ],
    "outputs": [{"name": "x", "role": "map", "from": ["up", "out"]}],
    "nodes": {
        "blocks": {"call": "UpBlock", "repeat": "num_blocks", "params": _LEVEL_BLOCK},
        "up": {"call": "UpsampleConv", "when": "upsample"},
    },
    "edges": [["x", "blocks.x"], ["skips", "blocks.skip"], ["temb", "blocks.temb"], ["blocks.x", "up.x"]],
}

_MIDDLE: dict[str, Any] = {
    "doc": "The bottleneck: residual block, attention, residual block.",
    "reference": REFERENCE,
    "parameters": {
        "channels": {"type": "int", "help": "channels of the map"},
        "temb_channels": {"type": "int", "help": "size of the time embedding"},
        "num_groups": {"type": "int", "default": 32, "help": "groups of the normalisations"},
        "dropout": {"type": "float", "default": 0.1, "help": "dropout in residual blocks"},
    },
    "inputs": [
        {"name": "x", "role": "map", "shape": "B channels H W"},
        {"name": "temb", "role": "vector", "shape": "B temb_channels"},
    ],
    "outputs": [{"name": "x", "role": "map", "shape": "B channels H W", "from": ["res2", "x"]}],
    "nodes": {
        "res1": {"call": "ResBlock", "params": {"out_channels": "channels", **_PASS_ON}},
        "attn": {"call": "AttentionBlock", "params": {"num_groups": "num_groups"}},
        "res2": {"call": "ResBlock", "params": {"out_channels": "channels", **_PASS_ON}},
    },
    "edges": [
        ["x", "res1.x"],
        ["temb", "res1.temb"],
        ["res1.x", "attn.x"],
        ["attn.x", "res2.x"],
        ["temb", "res2.temb"],
    ],
}

_TIME_MLP: dict[str, Any] = {
    "doc": "Timestep to embedding: sinusoids, then an MLP.",
    "reference": REFERENCE,
    "parameters": {
        "dim": {"type": "int", "default": 128, "help": "size of the sinusoidal embedding"},
        "temb_channels": {"type": "int", "default": 512, "help": "size of the time embedding"},
    },
    "inputs": [{"name": "t", "role": "timestep", "shape": "B"}],
    "outputs": [{"name": "temb", "role": "vector", "shape": "B temb_channels", "from": ["fc2", "out"]}],
    "nodes": {
        "embed": {"call": "TimestepEmbedding", "params": {"dim": "dim", "frequency_shift": 1}},
        "fc1": {"call": "Linear", "params": {"out_features": "temb_channels"}},
        "act": {"call": "SiLU"},
        "fc2": {"call": "Linear", "params": {"out_features": "temb_channels"}},
    },
    "edges": [["t", "embed.t"], ["embed.out", "fc1.x"], ["fc1.out", "act.x"], ["act.out", "fc2.x"]],
}


def unet(
    multipliers: tuple[int, ...], attention_levels: tuple[int, ...], values: dict[str, Any], size: int
) -> dict[str, Any]:
    """Return the document of a DDPM U-Net: channel multiplier of each level, levels with attention, values."""
    last = len(multipliers) - 1
    common = dict(_PASS_ON)
    nodes: dict[str, Any] = {
        "time_mlp": {"call": "TimeMLP", "params": {"dim": "channels", "temb_channels": "4*channels"}},
        "conv_in": {"call": "Conv2d", "params": {"out_channels": "channels"}},
    }
    edges = [["t", "time_mlp.t"], ["x", "conv_in.x"]]
    trunk = "conv_in.out"
    for level, factor in enumerate(multipliers):
        params = {"out_channels": _times(factor), "num_blocks": "num_blocks", "attention": level in attention_levels, "downsample": level < last, **common}  # fmt: skip
        nodes[f"down_{level}"] = {"call": "DownLevel", "params": params}
        edges += [[trunk, f"down_{level}.x"], ["time_mlp.temb", f"down_{level}.temb"]]
        trunk = f"down_{level}.x"
    nodes["mid"] = {"call": "Middle", "params": dict(common)}
    edges += [[trunk, "mid.x"], ["time_mlp.temb", "mid.temb"]]
    trunk = "mid.x"
    for level in range(last, -1, -1):
        params = {"out_channels": _times(multipliers[level]), "num_blocks": "num_blocks + 1", "attention": level in attention_levels, "upsample": level > 0, **common}  # fmt: skip
        nodes[f"up_{level}"] = {"call": "UpLevel", "params": params}
        edges += [
            [trunk, f"up_{level}.x"],
            [f"down_{level}.skips", f"up_{level}.skips"],
            ["time_mlp.temb", f"up_{level}.temb"],
        ]
        trunk = f"up_{level}.x"
    nodes["norm_out"] = {"call": "GroupNorm", "params": {"num_groups": "num_groups", "eps": 1e-6}}
    nodes["act_out"] = {"call": "SiLU"}
    nodes["conv_out"] = {"call": "Conv2d", "params": {"out_channels": "image_channels", "init": "zero"}}
    edges += [[trunk, "norm_out.x"], ["norm_out.out", "act_out.x"], ["act_out.out", "conv_out.x"]]
    main = {
        "doc": "The U-Net of denoising diffusion probabilistic models: predicts the noise in x at timestep t.",
        "reference": REFERENCE,
        "parameters": {
            "image_channels": {"type": "int", "default": 3, "min": 1, "help": "channels of the image"},
            "channels": {"type": "int", "default": 128, "min": 1, "help": "channels of the first level"},
            "num_blocks": {
                "type": "int",
                "default": 2,
                "min": 1,
                "max": 16,
                "help": "residual blocks a level",
            },
            "num_groups": {"type": "int", "default": 32, "min": 1, "help": "groups of the normalisations"},
            "dropout": {
                "type": "float",
                "default": 0.1,
                "min": 0,
                "max": 0.99,
                "help": "dropout in residual blocks",
            },
        },
        "inputs": [
            {"name": "x", "role": "image", "shape": "B image_channels H W", "help": "noisy image"},
            {"name": "t", "role": "timestep", "shape": "B", "help": "timestep, 0 … 999"},
        ],
        "outputs": [
            {
                "name": "eps",
                "role": "prediction",
                "shape": "B image_channels H W",
                "from": ["conv_out", "out"],
            }
        ],
        "nodes": nodes,
        "edges": edges,
    }
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "DDPM U-Net",
        "parameters": values,
        "main": "UNet",
        "training": {"prediction": "epsilon", "schedule": "linear", "timesteps": 1000, "sample_shape": [values["image_channels"], size, size]},
        "definitions": {
            "UNet": main,
            "DownLevel": _DOWN_LEVEL,
            "Middle": _MIDDLE,
            "UpLevel": _UP_LEVEL,
            "UpBlock": _UP_BLOCK,
            "UNetBlock": _UNET_BLOCK,
            "ResBlock": _RES_BLOCK,
            "AttentionBlock": _ATTENTION_BLOCK,
            "TimeMLP": _TIME_MLP,
        },
    }  # fmt: skip


def _times(factor: int) -> str:
    return "channels" if factor == 1 else f"{factor}*channels"


def _values(image_channels: int, channels: int, num_groups: int, dropout: float) -> dict[str, Any]:
    return {
        "image_channels": image_channels,
        "channels": channels,
        "num_blocks": 2,
        "num_groups": num_groups,
        "dropout": dropout,
    }


PRESETS = (
    Preset(
        id="ddpm-tiny",
        family="ddpm",
        title="DDPM U-Net, tiny (16×16 digits)",
        summary="A DDPM U-Net of three levels that learns scikit-learn's digits on a CPU in minutes.",
        reference=REFERENCE,
        document=partial(unet, (1, 2, 2), (1, 2), _values(1, 32, 8, 0.0), 16),
    ),
    Preset(
        id="ddpm-cifar10",
        family="ddpm",
        title="DDPM U-Net, CIFAR-10 32×32",
        summary="The published 35.7 M parameter network: 4 levels, attention at 16×16.",
        reference=REFERENCE,
        document=partial(unet, (1, 2, 2, 2), (1,), _values(3, 128, 32, 0.1), 32),
        published=35_746_307,
    ),
    Preset(
        id="ddpm-celebahq-256",
        family="ddpm",
        title="DDPM U-Net, CelebA-HQ and LSUN 256×256",
        summary="The published 113.7 M parameter network: 6 levels, attention at 16×16.",
        reference=REFERENCE,
        document=partial(unet, (1, 1, 2, 2, 4, 4), (4,), _values(3, 128, 32, 0.0), 256),
        published=113_673_219,
    ),
)
