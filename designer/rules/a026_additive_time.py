"""A026: the timestep is only added."""

from collections.abc import Iterable
from typing import Any

from designer.diagnostics import Diagnostic, Fix
from designer.operations import Operation
from designer.rules import Rule, RuleContext, examples
from designer.rules.flow import Flow, Leaf
from designer.shapes.values import Tensor

RULE = Rule(
    code="A026",
    title="Timestep as a bias alone",
    severity="info",
    family="advice",
    effect=0.0,
    what="Maps take the embedding of the timestep as a bias, and nothing scales features by it.",
    why="A bias moves features, it cannot turn them up and down with the noise level. Measured: not separable from AdaGN.",
    example="The residual blocks of DDPM.",
    instead="AdaGN: (1 + scale) ⊙ GroupNorm(h) + shift.",
    article="2.1.4, 2.2.3",
    reference="Dhariwal & Nichol 2021, arXiv:2105.05233 (AdaGN)",
)


def check(context: RuleContext) -> Iterable[Diagnostic]:
    """Look for embeddings added to maps in a network without modulation; the first of them stands for all."""
    flow = context.flow
    if any(not leaf.has("add") for leaf in flow.tagged("modulation")):
        return
    found = [leaf for leaf in flow.tagged("add") if _is_biased(leaf)]
    fixes = {leaf.key: fix for leaf in found if (fix := _fix(flow, leaf))}
    leaf = next((one for one in found if one.key in fixes), found[0] if found else None)
    if leaf is not None:
        yield Diagnostic(
            RULE.code,
            "info",
            f"{leaf.place} adds the embedding as a bias, as all such blocks do here; AdaGN scales features by it too",
            leaf.place,
            received="h + e",
            expected="(1 + scale) ⊙ norm(h) + shift",
            fix=fixes.get(leaf.key),
            reference=RULE.article,
            path=leaf.path,
        )


def _is_biased(leaf: Leaf) -> bool:
    """Whether a vector is added to a map."""
    x, *rest = leaf.call.inputs.values() if leaf.call.inputs else (None,)
    on_map = isinstance(x, Tensor) and len(x.shape) == 4
    return on_map and any(isinstance(value, Tensor) and len(value.shape) == 2 for value in rest)


def _fix(flow: Flow, leaf: Leaf) -> Fix | None:
    """Let a norm come first and modulate behind it: the linear layer of the embedding becomes twice as wide."""
    definition, name = leaf.frame.definition, leaf.call.node.id
    x, embedding = (definition.sources.get(f"{name}.{port.name}", "") for port in leaf.spec.inputs[:2])
    readers = [edge for edge in definition.edges if edge[0].startswith(f"{name}.")]
    norm = next((one for one in flow.after(leaf) if one.has("norm") and one.key[:-1] == leaf.key[:-1]), None)
    linear = definition.nodes.get(embedding.partition(".")[0])
    width = linear.params.get("out_features") if linear else None
    if (
        norm is None
        or len(readers) != 1
        or width is None
        or any(port.source.startswith(f"{name}.") for port in definition.outputs)
    ):
        return None
    place, made = {"definition": definition.name}, f"{norm.call.node.id}.{norm.spec.outputs[0].name}"
    moved = [edge for edge in definition.edges if edge[0] == made]
    operations: list[Operation] = [
        {
            "op": "set",
            **place,
            "node": embedding.partition(".")[0],
            "param": "out_features",
            "value": f"2*({width})",
        },
        {"op": "call", **place, "node": name, "call": "ModulateMap"},
        {"op": "connect", **place, "source": x, "target": readers[0][1]},
        {"op": "connect", **place, "source": made, "target": f"{name}.x"},
        {"op": "connect", **place, "source": embedding, "target": f"{name}.embedding"},
        *({"op": "connect", **place, "source": f"{name}.out", "target": target} for _, target in moved),
    ]
    return Fix("Modulate behind the norm: AdaGN", tuple(operations))


def _timed(time: str) -> examples.Document:
    nodes: dict[str, Any] = {
        "conv": {"call": "Conv2d", "params": {"out_channels": 16}},
        "emb": {"call": "Linear", "params": {"out_features": 16 if time == "AddEmbedding" else 32}},
        "time": {"call": time},
        "norm": {"call": "GroupNorm", "params": {"num_groups": 8}},
        "act": {"call": "SiLU"},
    }
    order = ["time", "norm"] if time == "AddEmbedding" else ["norm", "time"]
    edges = [
        ("h.out", "conv.x"), ("embed.out", "emb.x"), ("emb.out", "time.embedding"), ("conv.out", f"{order[0]}.x"),
        (f"{order[0]}.out", f"{order[1]}.x"), (f"{order[1]}.out", "act.x"),
    ]  # fmt: skip
    return examples.convolutional(nodes, edges, "act.out")


def bad() -> examples.Document:
    """Return a design that breaks the rule."""
    return _timed("AddEmbedding")


def good() -> examples.Document:
    """Return a design that keeps the rule."""
    return _timed("ModulateMap")
