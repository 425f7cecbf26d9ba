"""What video transformers share: how they are trained, and residual branches."""

from collections.abc import Mapping, Sequence
from typing import Any

from designer.presets.attention_parts import added, modulated
from designer.presets.graph import Graph, Json
from designer.presets.latent_training import latent_training


def training(
    in_channels: int, out_channels: int, sizes: Sequence[int], frames_first: bool = False, **process: Any
) -> Json:
    """Return how a video network is wrapped; `sizes` are frames, height, width of a sample."""
    frames, height, width = sizes
    found = latent_training(in_channels, out_channels, height, **process)
    if frames_first:
        return {**found, "sample_shape": [frames, in_channels, height, width], "channel_axis": 2}
    return {**found, "sample_shape": [in_channels, frames, height, width]}


def branch(
    graph: Graph,
    trunk: str,
    name: str,
    node: str,
    target: str,
    params: Mapping[str, Any],
    norm: Mapping[str, Any] | None = None,
    modulate: bool = True,
    **inputs: str,
) -> str:
    """Add a residual branch that is normalised and, by the node `adaln`, modulated and gated; return its end.

    `name` is the suffix of the modulation's outputs, msa or mlp.
    """
    plain = {"eps": "norm_eps", "elementwise_affine": False}
    end = graph.call(f"norm_{name}", "LayerNorm", plain if norm is None else norm, x=trunk) + ".out"
    end = modulated(graph, name, end) if modulate else end
    update = graph.call(node, target, params, x=end, **inputs) + ".x"
    return added(graph, name, trunk, update, gated=modulate)
