"""What surgery inserts: small definitions that leave the values as they are until they are trained.

Each is built for tensors of one rank; features are inferred where it is inserted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from designer.errors import UserError

Json = dict[str, Any]
_PATTERNS = {2: "B features", 3: "B N features", 4: "B features H W", 5: "B features T H W"}
_KINDS = {2: "Vector", 3: "Tokens", 4: "Map", 5: "Video"}
_ROLES = {2: "vector", 3: "tokens", 4: "map", 5: "video"}


@dataclass(frozen=True)
class Part:
    """A kind of insertion. `build` returns the name and the definition for a rank, or a block's name and None."""

    kind: str
    summary: str
    build: Callable[[int], tuple[str, Json | None]]
    node: str
    ports: tuple[str, ...] = ()  # those of an attention node; otherwise the place names the port


def _definition(
    rank: int, doc: str, reference: str, nodes: Json, edges: list[list[str]], result: str, **parameters: Json
) -> Json:
    port = {"name": "x", "role": _ROLES[rank], "shape": _PATTERNS[rank]}
    features = {"type": "int", "help": "features of the stream"}
    return {
        "doc": doc, "reference": reference, "parameters": {"features": features, **parameters}, "inputs": [port],
        "outputs": [{**port, "from": result.split(".")}], "nodes": nodes, "edges": edges,
    }  # fmt: skip


def _known(rank: int, kind: str) -> None:
    if rank not in _PATTERNS:
        raise UserError(f"{kind}: takes a vector, tokens, a map or a video, received {rank} axes")


def _table(rank: int) -> Json:
    """A learned number for each feature, shaped to multiply the stream."""
    shape = "[features]" if rank < 4 else f"[features{', 1' * (rank - 2)}]"
    return {"call": "LearnedTensor", "params": {"shape": shape}}


def _gate(rank: int) -> tuple[str, Json]:
    _known(rank, "gate")
    nodes = {
        "logit": _table(rank),
        "bound": {"call": "AroundOneBound", "params": {"delta": 0.5}},
        "weigh": {"call": "Multiply"},
    }
    edges = [["logit.out", "bound.x"], ["x", "weigh.a"], ["bound.out", "weigh.b"]]
    doc = "A learned gate for each feature, bounded between a half and one and a half; 1 at start."
    return f"LearnedGate{_KINDS[rank]}", _definition(
        rank, doc, "article sections 5.1, 10.4", nodes, edges, "weigh.out"
    )


def _layer_scale(rank: int) -> tuple[str, Json]:
    _known(rank, "layer-scale")
    nodes = {
        "offset": _table(rank),
        "factor": {"call": "AddNumber", "params": {"value": 1.0}},
        "scale": {"call": "Multiply"},
    }
    edges = [["offset.out", "factor.x"], ["x", "scale.a"], ["factor.out", "scale.b"]]
    doc = "A learned factor for each feature, 1 at start, so that a pretrained branch is kept."
    return f"LayerScale{_KINDS[rank]}", _definition(
        rank, doc, "Touvron et al. 2021, arXiv:2103.17239", nodes, edges, "scale.out"
    )


def _layer(rank: int, features: str, **params: Any) -> Json:
    if rank < 4:
        return {"call": "Linear", "params": {"out_features": features, **params}}
    return {
        "call": f"Conv{rank - 2}d",
        "params": {"out_channels": features, "kernel_size": 1, "padding": 0, **params},
    }


def _adapter(rank: int) -> tuple[str, Json]:
    _known(rank, "adapter")
    nodes = {
        "down": _layer(rank, "hidden"),
        "act": {"call": "GELU"},
        "up": _layer(rank, "features", init="zero"),
        "add": {"call": "Add"},
    }
    edges = [["x", "down.x"], ["down.out", "act.x"], ["act.out", "up.x"], ["x", "add.a"], ["up.out", "add.b"]]
    hidden = {"type": "int", "default": 32, "min": 1, "help": "features of the bottleneck"}
    doc = "A bottleneck added to the stream; its last layer is zero at start."
    return f"Adapter{_KINDS[rank]}", _definition(
        rank, doc, "Houlsby et al. 2019, arXiv:1902.00751", nodes, edges, "add.out", hidden=hidden
    )


def _transform(rank: int) -> tuple[str, Json]:
    _known(rank, "skip-transform")
    nodes = {"project": _layer(rank, "features", init="zero"), "add": {"call": "Add"}}
    edges = [["x", "project.x"], ["x", "add.a"], ["project.out", "add.b"]]
    doc = "A learned linear transform of a skip, the identity at start."
    return f"SkipTransform{_KINDS[rank]}", _definition(
        rank, doc, "article section 6", nodes, edges, "add.out"
    )


def _free_u(rank: int) -> tuple[str, None]:
    if rank != 4:
        raise UserError(f"freeu-skip: takes a map, received {rank} axes")
    return "FreeUSkip", None


PARTS: Mapping[str, Part] = {
    one.kind: one
    for one in (
        Part("gate", "a learned gate for each feature, 1 at start", _gate, "gate"),
        Part("layer-scale", "a learned factor for each feature, 1 at start", _layer_scale, "layer_scale"),
        Part("adapter", "a bottleneck added to the stream, zero at start", _adapter, "adapter"),
        Part("skip-transform", "a learned linear transform, the identity at start", _transform, "skip_transform"),
        Part("freeu-skip", "FreeU's attenuation of a skip's low frequencies", _free_u, "freeu_skip"),
        Part("qk-norm", "RMS normalisation of queries and keys", lambda rank: ("RMSNorm", None), "norm", ("q", "k")),
    )
}  # fmt: skip
