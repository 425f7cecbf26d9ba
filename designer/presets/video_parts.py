"""What video transformers share: how they are trained, and residual branches."""

from collections.abc import Mapping, Sequence
from typing import Any

from designer.presets.attention_parts import added, modulated
from designer.presets.graph import Graph, Json


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
