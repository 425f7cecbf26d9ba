"""Definitions and wiring that video transformers share: modulation by a table, modulated branches."""

from collections.abc import Mapping, Sequence
from typing import Any

from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.rotary_attention import EPS, HIDDEN, TOKENS

_C = port("c", "vector", "B hidden_size")


def training(
    in_channels: int, out_channels: int, sizes: Sequence[int], frames_first: bool = False, **process: Any
) -> Json:
    """Return how a video network is wrapped; `sizes` are frames, height, width of a sample."""
    frames, height, width = sizes
    learned = out_channels == 2 * in_channels
    shape = [frames, in_channels, height, width] if frames_first else [in_channels, frames, height, width]
    found: Json = {"timesteps": 1000, **process, "sample_shape": shape}
    if learned:
        found["learned_sigma"] = True
    elif out_channels < in_channels:
        found["conditioning_channels"] = in_channels - out_channels
    elif out_channels > in_channels:
        found["further_channels"] = out_channels - in_channels
    return {**found, "channel_axis": 2} if frames_first else found


def modulated_branch(
    graph: Graph,
    end: str,
    node: str,
    branch: str,
    target: str,
    params: Mapping[str, Any],
    norm: Mapping[str, Any] | None = None,
    adaln: str = "adaln",
    **inputs: str,
) -> str:
    """Add a residual branch that is normalised, modulated and gated by `adaln`; return its end.

    `branch` is the suffix of the modulation's outputs, msa or mlp.
    """
    normed = graph.call(
        f"norm_{branch}", "LayerNorm", norm or {"eps": "norm_eps", "elementwise_affine": False}, x=end
    )
    shift, scale, gate = (f"{adaln}.{name}_{branch}" for name in ("shift", "scale", "gate"))
    graph.call(f"modulate_{branch}", "Modulate", x=f"{normed}.out", shift=shift, scale=scale)
    graph.call(node, target, params, x=f"modulate_{branch}.out", **inputs)
    graph.call(f"gate_{branch}", "GateTokens", x=f"{node}.x", gate=gate)
    return graph.call(f"add_{branch}", "Add", a=end, b=f"gate_{branch}.out") + ".out"


def residual_branch(
    graph: Graph,
    end: str,
    node: str,
    branch: str,
    target: str,
    params: Mapping[str, Any],
    norm: Mapping[str, Any] | None = None,
    **inputs: str,
) -> str:
    """Add a residual branch that is normalised; return its end."""
    graph.call(f"norm_{branch}", "LayerNorm", norm, x=end)
    graph.call(node, target, params, x=f"norm_{branch}.out", **inputs)
    return graph.call(f"add_{branch}", "Add", a=end, b=f"{node}.x") + ".out"


def shared_modulation(reference: str) -> Json:
    """Return the one projection of the condition to the modulation that all blocks share."""
    graph = Graph()
    graph.call("act", "SiLU", x="c")
    graph.call("linear", "Linear", {"out_features": "6*hidden_size", "init": "normal_0.02"}, x="act.out")
    return definition(
        "The modulation that all blocks share: one projection of the condition for the whole network.",
        graph,
        [_C],
        [port("modulation", "vector", "B 6*hidden_size", "linear.out")],
        {"hidden_size": HIDDEN},
        reference,
    )


def modulated_final(reference: str) -> Json:
    """Return the final layer whose shift and scale are the condition, offset by a table."""
    graph = Graph()
    graph.call("norm", "LayerNorm", {"eps": "norm_eps", "elementwise_affine": False}, x="x")
    graph.call("adaln", "AdaLNSingleFinal", c="c")
    graph.call("modulate", "Modulate", x="norm.out", shift="adaln.shift", scale="adaln.scale")
    graph.call("proj", "Linear", {"out_features": "patch_features", "init": "zero"}, x="modulate.out")
    return definition(
        "Modulated normalisation and the projection of each token to its patch, zero at start.",
        graph,
        [TOKENS, _C],
        [port("patches", "tokens", "B N patch_features", "proj.out")],
        {"hidden_size": HIDDEN, "patch_features": integer("numbers in a patch"), "norm_eps": EPS},
        reference,
    )
