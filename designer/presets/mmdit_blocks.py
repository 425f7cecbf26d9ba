"""Transformer blocks of two token streams, image and text: separate weights, one attention (MMDiT)."""

from typing import Any

from designer.presets.graph import Graph, definition, integer, port

REFERENCE = "Esser et al. 2024, arXiv:2403.03206"
REFERENCE_X = "Stability AI 2024, Stable Diffusion 3.5; Esser et al. 2024, arXiv:2403.03206"

Definition = dict[str, Any]
Edges = list[list[str]]

_HIDDEN = integer("features of a token")
_PARAMETERS: dict[str, Any] = {
    "hidden_size": _HIDDEN,
    "num_heads": integer("attention heads", 24),
    "qk_norm": {
        "type": "block",
        "default": "RMSNorm",
        "help": "normalises queries and keys in each head; Identity for none",
    },
}
_RATIO = {"type": "float", "default": 4.0, "help": "hidden features / hidden_size"}
_X = port("x", "tokens", "B N hidden_size")
_CONTEXT = port("context", "context", "B M hidden_size")
_C = port("c", "vector", "B hidden_size")
_ROTARY = [port("cos", "rotary", "T half_head"), port("sin", "rotary", "T half_head")]
_HEADS = {"num_heads": "num_heads"}
_ATTENTION = {"num_heads": "num_heads", "qk_norm": "=qk_norm"}
_PLAIN = {"elementwise_affine": False}
_INTO_HIDDEN = {"out_features": "hidden_size", "init": "xavier_uniform"}
_SQUARE = {"in_features": "hidden_size", **_INTO_HIDDEN}
_BRANCH = ("shift", "scale", "gate")


def _projected(graph: Graph, prefix: str, source: str, norm_params: dict[str, Any] | None) -> None:
    """Add queries, keys and values of a stream, the first two normalised."""
    qkv = graph.call(f"{prefix}qkv", "ProjectQKV", _HEADS, x=source)
    for name in ("q", "k"):
        graph.call(f"{prefix}norm_{name}", "=qk_norm", norm_params, x=f"{qkv}.{name}")


def joint_attention(
    last: bool = False, norm_params: dict[str, Any] | None = None, rotary: bool = False
) -> Definition:
    """Return the attention of both streams over all tokens; in the `last` block only the image goes on.

    `rotary` rotates the queries and keys of the joined streams by their positions.
    """
    graph = Graph()
    _projected(graph, "", "x", norm_params)
    _projected(graph, "context_", "context", norm_params)
    graph.call("join_q", "ConcatTokens", a="context_norm_q.out", b="norm_q.out")
    graph.call("join_k", "ConcatTokens", a="context_norm_k.out", b="norm_k.out")
    graph.call("join_v", "ConcatTokens", a="context_qkv.v", b="qkv.v")
    if rotary:
        graph.edges += rotated(graph.nodes, "join_q.out", "join_k.out")
        graph.call("attention", "DotProductAttention", v="join_v.out")
    else:
        graph.call("attention", "DotProductAttention", q="join_q.out", k="join_k.out", v="join_v.out")
    graph.call("split", "SplitTokens", x="attention.out", like="context")
    graph.call("proj", "Linear", _SQUARE, x="split.rest")
    outputs = [port("attended", "tokens", "B N hidden_size", "proj.out")]
    if not last:
        graph.call("context_proj", "Linear", _SQUARE, x="split.first")
        outputs.append(port("context_attended", "context", "B M hidden_size", "context_proj.out"))
    doc = "Attention of image and text tokens over each other, with weights of their own."
    inputs = [_X, _CONTEXT, *(_ROTARY if rotary else ())]
    return definition(doc, graph, inputs, outputs, _PARAMETERS, f"{REFERENCE}, section 4")


def rotated(nodes: dict[str, Any], q: str, k: str) -> Edges:
    """Add rotations of queries and keys; return the edges from `q` and `k` through them to the attention."""
    edges: Edges = []
    for name, source in (("q", q), ("k", k)):
        nodes[f"rotate_{name}"] = {"call": "ApplyRotary"}
        edges += [
            [source, f"rotate_{name}.x"], ["cos", f"rotate_{name}.cos"], ["sin", f"rotate_{name}.sin"],
            [f"rotate_{name}.out", f"attention.{name}"],
        ]  # fmt: skip
    return edges


def image_attention(norm_params: dict[str, Any] | None = None) -> Definition:
    """Return the second attention of a dual block: image tokens alone."""
    graph = Graph()
    _projected(graph, "", "x", norm_params)
    graph.call("attention", "DotProductAttention", q="norm_q.out", k="norm_k.out", v="qkv.v")
    graph.call("proj", "Linear", _SQUARE, x="attention.out")
    output = port("attended", "tokens", "B N hidden_size", "proj.out")
    doc = "Attention of the image tokens over each other."
    return definition(doc, graph, [_X], [output], _PARAMETERS, REFERENCE_X)


def _mlp_branch() -> Definition:
    graph = Graph()
    graph.call("norm", "LayerNorm", _PLAIN, x="x")
    graph.call("modulate", "Modulate", x="norm.out", shift="shift", scale="scale")
    sizes = {"out_features": "int(hidden_size*mlp_ratio)", "init": "xavier_uniform"}
    graph.call("fc1", "Linear", sizes, x="modulate.out")
    graph.call("act", "GELU", x="fc1.out")
    graph.call("fc2", "Linear", _INTO_HIDDEN, x="act.out")
    graph.call("apply_gate", "GateTokens", x="fc2.out", gate="gate")
    graph.call("add", "Add", a="x", b="apply_gate.out")
    inputs = [_X, *(port(name, "vector", "B hidden_size") for name in _BRANCH)]
    doc = "The feed-forward branch of one stream: normalised, modulated, gated, added."
    parameters = {"hidden_size": _HIDDEN, "mlp_ratio": _RATIO}
    return definition(
        doc, graph, inputs, [port("x", "tokens", "B N hidden_size", "add.out")], parameters, REFERENCE
    )


MLP_BRANCH = _mlp_branch()


def joint_block(dual: bool = False, last: bool = False, rotary: bool = False) -> Definition:
    """Return a block of two streams: `dual` adds attention of the image alone, `last` ends the text stream."""
    graph, wide = Graph(), {"hidden_size": "hidden_size"}
    graph.call("adaln", "AdaLNZeroDual" if dual else "AdaLNZero", wide, c="c")
    graph.call("norm", "LayerNorm", _PLAIN, x="x")
    graph.call("modulate", "Modulate", x="norm.out", shift="adaln.shift_msa", scale="adaln.scale_msa")
    graph.call("context_adaln", "AdaLNModulation" if last else "AdaLNZero", wide, c="c")
    graph.call("context_norm", "LayerNorm", _PLAIN, x="context")
    shift, scale = (f"context_adaln.{name}" + ("" if last else "_msa") for name in ("shift", "scale"))
    graph.call("context_modulate", "Modulate", x="context_norm.out", shift=shift, scale=scale)
    positions = {"cos": "cos", "sin": "sin"} if rotary else {}
    attention = "LastJointAttention" if last else "JointAttention"
    graph.call("attn", attention, _ATTENTION, x="modulate.out", context="context_modulate.out", **positions)
    trunk = _gated(graph, "msa", "x", "attn.attended", "adaln.gate_msa")
    if dual:
        trunk = _second_attention(graph, trunk)
    outputs = [port("x", "tokens", "B N hidden_size", _mlp(graph, "mlp", trunk, "adaln"))]
    if not last:
        text = _gated(graph, "msa", "context", "attn.context_attended", "context_adaln.gate_msa", "context_")
        text = _mlp(graph, "context_mlp", text, "context_adaln")
        outputs.append(port("context", "context", "B M hidden_size", text))
    reference = REFERENCE_X if dual else f"{REFERENCE}, section 4"
    inputs = [_X, _CONTEXT, _C, *(_ROTARY if rotary else ())]
    return definition(
        _doc(dual, last), graph, inputs, outputs, {**_PARAMETERS, "mlp_ratio": _RATIO}, reference
    )


def _doc(dual: bool, last: bool) -> str:
    text = "Block of two streams, image and text, that meet in one attention"
    text += "; the image attends to itself a second time" if dual else ""
    return text + ("; the last one, where the text ends." if last else ".")


def _gated(graph: Graph, name: str, trunk: str, branch: str, gate: str, prefix: str = "") -> str:
    """Add a branch times its gate to the trunk; return the sum."""
    graph.call(f"{prefix}gate_{name}", "GateTokens", x=branch, gate=gate)
    return graph.call(f"{prefix}add_{name}", "Add", a=trunk, b=f"{prefix}gate_{name}.out") + ".out"


def _second_attention(graph: Graph, trunk: str) -> str:
    """Add the second attention, which reads the input of the block; return the trunk after it."""
    graph.call("modulate_dual", "Modulate", x="norm.out", shift="adaln.shift_dual", scale="adaln.scale_dual")
    graph.call("attn_dual", "ImageAttention", _ATTENTION, x="modulate_dual.out")
    return _gated(graph, "dual", trunk, "attn_dual.attended", "adaln.gate_dual")


def _mlp(graph: Graph, node: str, trunk: str, adaln: str) -> str:
    """Add the feed-forward branch of a stream; return its endpoint."""
    vectors = {name: f"{adaln}.{name}_mlp" for name in _BRANCH}
    return graph.call(node, "MlpBranch", {"mlp_ratio": "mlp_ratio"}, x=trunk, **vectors) + ".x"
