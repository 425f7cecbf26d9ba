"""Small designs from which rules make their bad and good examples."""

from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]
IMAGE = {"name": "x", "role": "image", "shape": "B 3 H W"}
LATENT = {"name": "x", "role": "latent", "shape": "B 4 H W"}
TIME = {"name": "t", "role": "timestep", "shape": "B"}
CONTEXT = {"name": "context", "role": "context", "shape": "B M 16"}


def design(
    nodes: Mapping[str, Any],
    edges: Sequence[Sequence[str]],
    output: str,
    inputs: Sequence[Mapping[str, Any]] = (IMAGE, TIME),
    definitions: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
) -> Document:
    """Return a document whose main definition has these nodes and edges; `output` is "node.port"."""
    channels = str(inputs[0]["shape"]).split()[1]
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "Example",
        "main": "Net",
        "training": {
            "prediction": "epsilon", "schedule": "cosine", "timesteps": 1000,
            "sample_shape": [int(channels), 32, 32], **(training or {}),
        },
        "definitions": {
            "Net": {
                "inputs": [dict(one) for one in inputs],
                "outputs": [
                    {"name": "out", "role": "prediction", "shape": inputs[0]["shape"], "from": output.split(".")}
                ],
                "nodes": dict(nodes),
                "edges": [list(edge) for edge in edges],
            },
            **(definitions or {}),
        },
    }  # fmt: skip


def convolutional(
    middle: Mapping[str, Any],
    edges: Sequence[Sequence[str]],
    end: str,
    channels: int = 16,
    **options: Any,
) -> Document:
    """Return a small convolutional denoiser around `middle`.

    Before it come `h.out` [B, channels, H, W] with the time embedding added, and `embed.out` [B, channels];
    after `end` ("node.port") comes a convolution to three channels.
    """
    nodes = {
        "conv_in": {"call": "Conv2d", "params": {"out_channels": channels}},
        "embed": {"call": "TimestepEmbedding", "params": {"dim": channels}},
        "h": {"call": "AddEmbedding"},
        **middle,
        "conv_out": {"call": "Conv2d", "params": {"out_channels": 3}},
    }
    wires = [
        ("x", "conv_in.x"), ("t", "embed.t"), ("conv_in.out", "h.x"), ("embed.out", "h.embedding"),
        *edges, (end, "conv_out.x"),
    ]  # fmt: skip
    return design(nodes, wires, "conv_out.out", **options)


def transformer(
    block: Mapping[str, Any],
    depth: int = 12,
    hidden_size: int = 32,
    definitions: Mapping[str, Any] | None = None,
    **options: Any,
) -> Document:
    """Return a small DiT-like denoiser whose trunk repeats the definition `block` `depth` times.

    The definition takes x (tokens [B, N, hidden_size]) and c (vector [B, hidden_size]) and puts out x.
    """
    nodes = {
        "patch": {"call": "PatchEmbed", "params": {"hidden_size": hidden_size, "patch_size": 2}},
        "embed": {"call": "TimestepEmbedding", "params": {"dim": hidden_size}},
        "c": {"call": "Linear", "params": {"out_features": hidden_size}},
        "blocks": {"call": "Block", "repeat": depth},
        "norm": {"call": "LayerNorm"},
        "proj": {"call": "Linear", "params": {"out_features": 16}},
        "unpatchify": {"call": "Unpatchify", "params": {"out_channels": 4, "patch_size": 2}},
    }
    edges = [
        ("x", "patch.x"), ("t", "embed.t"), ("embed.out", "c.x"), ("patch.tokens", "blocks.x"), ("c.out", "blocks.c"),
        ("blocks.x", "norm.x"), ("norm.out", "proj.x"), ("proj.out", "unpatchify.tokens"), ("x", "unpatchify.like"),
    ]  # fmt: skip
    return design(
        nodes,
        edges,
        "unpatchify.out",
        (LATENT, TIME),
        {"Block": dict(block), **(definitions or {})},
        **options,
    )


def block(nodes: Mapping[str, Any], edges: Sequence[Sequence[str]], output: str) -> Document:
    """Return a definition for `transformer`."""
    return {
        "inputs": [
            {"name": "x", "role": "tokens", "shape": "B N hidden_size"},
            {"name": "c", "role": "vector", "shape": "B hidden_size"},
        ],
        "parameters": {"hidden_size": {"type": "int"}},
        "outputs": [{"name": "x", "role": "tokens", "shape": "B N hidden_size", "from": output.split(".")}],
        "nodes": dict(nodes),
        "edges": [list(edge) for edge in edges],
    }


def skip_fusion(
    nodes: Mapping[str, Any], edges: Sequence[Sequence[str]], end: str, **options: Any
) -> Document:
    """Return a denoiser of two resolutions around `nodes`, where a skip meets the trunk at full resolution.

    In `edges` the sources "x", "skip" and "c" are the upsampled trunk, the skip (both [B, 16, H, W]) and the time
    embedding [B, 16]; after `end` ("node.port") comes a convolution to three channels.
    """
    encoder = {
        "inputs": [{"name": "x", "role": "map", "shape": "B C H W"}],
        "outputs": [
            {"name": "x", "role": "map", "from": ["down", "out"]},
            {"name": "skip", "role": "skip", "from": ["conv", "out"]},
        ],
        "nodes": {
            "conv": {"call": "Conv2d", "params": {"out_channels": 16}},
            "down": {"call": "DownsampleConv"},
        },
        "edges": [["x", "conv.x"], ["conv.out", "down.x"]],
    }
    named = {"x": "up.out", "skip": "encoder.skip", "c": "embed.out"}
    middle = {"encoder": {"call": "Encoder"}, "up": {"call": "UpsampleConv"}, **nodes}
    wires = [("h.out", "encoder.x"), ("encoder.x", "up.x"), *((named.get(a, a), b) for a, b in edges)]
    return convolutional(middle, wires, end, definitions={"Encoder": encoder}, **options)
