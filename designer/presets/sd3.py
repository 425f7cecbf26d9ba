"""Stable Diffusion 3 and 3.5: the multimodal diffusion transformer, image and text as two streams."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

from designer.presets import Preset
from designer.presets.condition_parts import VECTOR_MLP, time_text_embedder
from designer.presets.graph import Graph, definition, port
from designer.presets.mmdit_blocks import (
    MLP_BRANCH,
    REFERENCE,
    REFERENCE_X,
    image_attention,
    joint_attention,
    joint_block,
)
from designer.presets.pixel_unet import document
from designer.presets.transformer_parts import FINAL_LAYER

_PARAMETERS: dict[str, Any] = {
    "grid_size": {"type": "int", "default": 192, "min": 1, "unit": "patches", "help": "rows and columns of the table of positions"},
    "base_size": {"type": "int", "default": 64, "min": 1, "unit": "patches", "help": "positions run from 0 to base_size over the table"},
    "patch_size": {"type": "int", "default": 2, "min": 1, "unit": "pixels", "help": "side of a patch"},
    "in_channels": {"type": "int", "default": 16, "min": 1, "help": "channels of the latent"},
    "out_channels": {"type": "int", "default": 16, "min": 1, "help": "channels of the prediction"},
    "context_size": {"type": "int", "default": 4096, "min": 1, "help": "features of a text token"},
    "pooled_size": {"type": "int", "default": 2048, "min": 1, "help": "size of the pooled text"},
    "hidden_size": {"type": "int", "default": 1536, "min": 4, "help": "features of a token"},
    "depth": {"type": "int", "default": 24, "min": 1, "max": 1000, "help": "blocks"},
    "dual_depth": {"type": "int", "default": 0, "min": 0, "max": 1000, "help": "first blocks, in which the image attends to itself a second time"},
    "num_heads": {"type": "int", "default": 24, "min": 1, "help": "attention heads"},
    "mlp_ratio": {"type": "float", "default": 4.0, "min": 0.1, "help": "hidden features of the MLP / hidden_size"},
    "qk_norm": {"type": "block", "default": "RMSNorm", "help": "normalises queries and keys in each head; Identity for none"},
}  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """Blocks of one kind in a row: their node, whether they are dual, how many, the first one's number."""

    node: str
    dual: bool
    repeat: int | str
    start: int
    count: int


def stages(depth: int, dual_layers: Iterable[int]) -> list[Stage]:
    """Return the blocks before the last one, in runs of equal ones.

    Dual blocks first, or none, are told by the parameters of the design; other orders by their numbers.
    """
    kinds = [index in set(dual_layers) for index in range(depth - 1)]
    runs: list[tuple[bool, int, int]] = []
    for dual, group in groupby(enumerate(kinds), key=lambda item: item[1]):
        indices = [index for index, _ in group]
        runs.append((dual, indices[0], len(indices)))
    if len(runs) < 3 and (len(runs) < 2 or runs[0][0]):
        repeats = {True: "dual_depth", False: "depth - dual_depth - 1" if len(runs) == 2 else "depth - 1"}
        return [
            Stage("dual_blocks" if dual else "blocks", dual, repeats[dual], start, count)
            for dual, start, count in runs
        ]
    return [
        Stage(f"{'dual_' if dual else ''}blocks_{number}", dual, count, start, count)
        for number, (dual, start, count) in enumerate(runs)
    ]


def sd3(
    values: Mapping[str, Any],
    dual_layers: Iterable[int] = (),
    norm_params: dict[str, Any] | None = None,
    name: str = "Stable Diffusion 3",
) -> dict[str, Any]:
    """Return the document of an MMDiT with these parameter values.

    Blocks in `dual_layers` attend twice; `norm_params` go to the norms of queries and keys. Without a value of
    grid_size positions are stretched to the map instead of cropped.
    """
    parts = stages(values["depth"], dual_layers)
    last_is_dual = values["depth"] - 1 in set(dual_layers)
    last = "LastDualJointBlock" if last_is_dual else "LastJointBlock"
    dual = last_is_dual or any(part.dual for part in parts)
    parameters = {key: one for key, one in _PARAMETERS.items() if key in values}
    definitions = {
        "MMDiT": _main(parameters, parts, last),
        **{"DualJointBlock" if part.dual else "JointBlock": joint_block(part.dual) for part in parts},
        last: joint_block(last_is_dual, last=True),
        **({"JointAttention": joint_attention(norm_params=norm_params)} if parts else {}),
        "LastJointAttention": joint_attention(last=True, norm_params=norm_params),
        **({"ImageAttention": image_attention(norm_params)} if dual else {}),
        "MlpBranch": MLP_BRANCH,
        "TimeTextEmbedder": time_text_embedder(),
        "VectorMlp": VECTOR_MLP,
        "FinalLayer": FINAL_LAYER,
    }
    size = values["base_size"] * values["patch_size"]
    training = {
        "prediction": "flow", "schedule": "flow", "timesteps": 1000, "sample_shape": [values["in_channels"], size, size],
    }  # fmt: skip
    return document(name, definitions, values, training)


def _main(parameters: Mapping[str, Any], parts: list[Stage], last: str) -> dict[str, Any]:
    graph = Graph()
    sizes = {"hidden_size": "hidden_size", "patch_size": "patch_size"}
    graph.call("patch_embed", "PatchEmbed", sizes, x="x")
    cropped = "grid_size" in parameters
    sizes = {"patch_size": "patch_size", "base_size": "base_size"} | (
        {"grid_size": "grid_size"} if cropped else {}
    )
    kind = "CroppedSinCosPosition" if cropped else "ScaledSinCosPosition"
    x = graph.call("position", kind, sizes, tokens="patch_embed.tokens", like="x") + ".out"
    context = graph.call("context_embedder", "Linear", {"out_features": "hidden_size"}, x="context") + ".out"
    graph.call("condition", "TimeTextEmbedder", {"hidden_size": "hidden_size"}, t="t", pooled="pooled")
    block = {"num_heads": "num_heads", "qk_norm": "=qk_norm", "mlp_ratio": "mlp_ratio"}
    for part in parts:
        kind = "DualJointBlock" if part.dual else "JointBlock"
        graph.call(part.node, kind, block, repeat=part.repeat, x=x, context=context, c="condition.c")
        x, context = f"{part.node}.x", f"{part.node}.context"
    graph.call("last_block", last, block, x=x, context=context, c="condition.c")
    features = {"patch_features": "patch_size*patch_size*out_channels"}
    graph.call("final_layer", "FinalLayer", features, x="last_block.x", c="condition.c")
    sizes = {"out_channels": "out_channels", "patch_size": "patch_size"}
    graph.call("unpatchify", "Unpatchify", sizes, tokens="final_layer.patches", like="x")
    inputs = [
        port("x", "latent", "B in_channels H W", help="noisy latent"),
        port("context", "context", "B M context_size", help="text tokens"),
        port("pooled", "pooled", "B pooled_size", help="pooled text"),
        port("t", "timestep", "B", help="timestep, 0 … 1000"),
    ]
    output = port("out", "prediction", "B out_channels H W", "unpatchify.out")
    doc = "Multimodal diffusion transformer: predicts the flow of a noisy latent for a text."
    return definition(doc, graph, inputs, [output], parameters, REFERENCE)


def _values(depth: int, qk_norm: str, grid_size: int = 192, dual_depth: int | None = None) -> dict[str, Any]:
    """Published sizes: a width of 64 features a block and a head."""
    return {
        "grid_size": grid_size, "base_size": 64, "patch_size": 2, "in_channels": 16, "out_channels": 16,
        "context_size": 4096, "pooled_size": 2048, "hidden_size": 64 * depth, "depth": depth,
        **({} if dual_depth is None else {"dual_depth": dual_depth}),
        "num_heads": depth, "mlp_ratio": 4.0, "qk_norm": qk_norm,
    }  # fmt: skip


_TINY = {
    **_values(4, "RMSNorm", 24, 2), "base_size": 8, "in_channels": 4, "out_channels": 4, "context_size": 32,
    "pooled_size": 32, "hidden_size": 64, "num_heads": 4,
}  # fmt: skip

PRESETS = (
    Preset(
        id="sd3-tiny",
        family="sd3",
        title="MMDiT-X, tiny (4×16×16 latents)",
        summary="Two dual blocks and two joint blocks of width 64, with RMS-normalised queries and keys.",
        reference=REFERENCE_X,
        document=partial(sd3, _TINY, (0, 1), name="Stable Diffusion 3.5, tiny"),
    ),
    Preset(
        id="sd3-medium",
        family="sd3",
        title="Stable Diffusion 3 medium",
        summary="The published 2.0 B MMDiT: 24 blocks of width 1536, text of 154 tokens, 128×128 latents.",
        reference=REFERENCE,
        document=partial(sd3, _values(24, "Identity"), name="Stable Diffusion 3 medium"),
        published=2_028_328_000,
    ),
    Preset(
        id="sd3.5-medium",
        family="sd3",
        title="Stable Diffusion 3.5 medium",
        summary="The published 2.2 B MMDiT-X: a second image attention in the first 13 of 24 blocks, QK-norm.",
        reference=REFERENCE_X,
        document=partial(sd3, _values(24, "RMSNorm", 384, 13), range(13), name="Stable Diffusion 3.5 medium"),
        published=2_243_171_520,
    ),
    Preset(
        id="sd3.5-large",
        family="sd3",
        title="Stable Diffusion 3.5 large",
        summary="The published 8.1 B MMDiT: 38 blocks of width 2432, QK-norm.",
        reference=REFERENCE_X,
        document=partial(sd3, _values(38, "RMSNorm"), name="Stable Diffusion 3.5 large"),
        published=8_056_627_520,
    ),
)
