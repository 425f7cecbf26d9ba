"""The parts of Hunyuan-DiT: the block, its attention, the pooling of the text (Li et al. 2024)."""

from typing import Any

from designer.presets.attention_parts import added, linear
from designer.presets.graph import Graph, definition, integer, port

REFERENCE = "Li et al. 2024, arXiv:2405.08748"
EPS = 1e-6
HIDDEN = integer("features of a token")
HEADS = {"type": "int", "default": 16, "min": 1, "help": "attention heads"}
RATIO = {"type": "float", "default": 4.0, "min": 0.1, "help": "hidden features of the MLP / hidden_size"}
FUSE = {
    "type": "block", "default": "LongSkip", "help": "how a long skip (b) joins the trunk (a): LongSkip, Add, LearnedLerp",
}  # fmt: skip
X = port("x", "tokens", "B N hidden_size")
CONTEXT = port("context", "context", "B M context_size")
VECTOR = port("c", "vector", "B hidden_size")
ROTARY = [port("cos", "rotary", "N head_size"), port("sin", "rotary", "N head_size")]


def attention(cross: bool) -> dict[str, Any]:
    """Return attention with layer norm on queries and keys; positions rotate queries, and keys of the image."""
    graph = Graph()
    for name in ("q", "k", "v"):
        graph.nodes[name] = linear("hidden_size")
        graph.edges.append(["context" if cross and name != "q" else "x", f"{name}.x"])
        end = graph.call(f"{name}_heads", "SplitHeads", {"num_heads": "num_heads"}, x=f"{name}.out") + ".out"
        if name != "v":
            end = graph.call(f"{name}_norm", "LayerNorm", {"eps": EPS}, x=end) + ".out"
        if name == "q" or (name == "k" and not cross):
            end = graph.call(f"{name}_rotate", "RotateFeatures", x=end, cos="cos", sin="sin") + ".out"
        graph.edges.append([end, f"attend.{name}"])
    graph.call("attend", "DotProductAttention")
    graph.nodes["proj"] = linear("hidden_size")
    graph.nodes["proj"]["params"]["in_features"] = "hidden_size"
    graph.edges.append(["attend.out", "proj.x"])
    return definition(
        f"{'Cross' if cross else 'Self'}-attention with QK-norm and rotary positions.",
        graph,
        [X, *([CONTEXT] if cross else []), *ROTARY],
        [{**X, "from": ["proj", "out"]}],
        {
            "hidden_size": HIDDEN,
            **({"context_size": integer("features of a text token")} if cross else {}),
            "num_heads": HEADS,
        },
        REFERENCE,
    )


def shifted_norm() -> dict[str, Any]:
    """Return the norm that the condition only shifts."""
    graph = Graph()
    h = graph.call("norm", "LayerNorm", {"eps": EPS}, x="x") + ".out"
    shift = graph.call("act", "SiLU", x="c") + ".out"
    shift = graph.call("shift", "Linear", {"out_features": "hidden_size"}, x=shift) + ".out"
    h = graph.call("add", "AddToTokens", x=h, vector=shift) + ".out"
    doc = "Layer normalisation shifted by the condition: AdaLN without a scale."
    return definition(
        doc, graph, [X, VECTOR], [{**X, "from": h.split(".")}], {"hidden_size": HIDDEN}, REFERENCE
    )


def block() -> dict[str, Any]:
    """Return the block: self-attention, cross-attention, MLP."""
    heads = {"num_heads": "num_heads"}
    turn = {"cos": "cos", "sin": "sin"}
    graph = Graph()
    h = graph.call("norm1", "ShiftedNorm", x="x", c="c") + ".x"
    x = added(graph, "attn", "x", graph.call("attn", "Attention", heads, x=h, **turn) + ".x")
    h = graph.call("norm2", "LayerNorm", {"eps": EPS}, x=x) + ".out"
    h = graph.call("cross_attn", "CrossAttention", heads, x=h, context="context", **turn) + ".x"
    x = added(graph, "cross", x, h)
    h = graph.call("norm3", "LayerNorm", {"eps": EPS}, x=x) + ".out"
    h = graph.call("mlp", "Mlp", {"mlp_hidden": "int(hidden_size*mlp_ratio)"}, x=h) + ".x"
    x = added(graph, "mlp", x, h)
    return definition(
        "Self-attention, attention to the text, MLP; the condition shifts the first norm.",
        graph,
        [X, CONTEXT, VECTOR, *ROTARY],
        [{**X, "from": x.split(".")}],
        {
            "hidden_size": HIDDEN,
            "context_size": integer("features of a text token"),
            "num_heads": HEADS,
            "mlp_ratio": RATIO,
        },
        REFERENCE,
    )


def skip_block() -> dict[str, Any]:
    """Return a block of the second half, which joins a long skip first."""
    inner = block()
    graph = Graph()
    h = graph.call("skip", "=fuse", a="x", b="skip") + ".out"
    sources = {one["name"]: one["name"] for one in inner["inputs"]} | {"x": h}
    x = graph.call("block", "HunyuanBlock", {"num_heads": "num_heads", "mlp_ratio": "mlp_ratio"}, **sources)
    return definition(
        "A block of the second half: joins a long skip first.",
        graph,
        [X, port("skip", "tokens", "B N hidden_size"), *inner["inputs"][1:]],
        [{**X, "from": [x, "x"]}],
        {**inner["parameters"], "fuse": FUSE},
        REFERENCE,
    )


def text_pool() -> dict[str, Any]:
    """Return the pooling of text tokens: their mean, with positions, attends to them and to itself."""
    heads = {"num_heads": "num_heads"}
    graph = Graph()
    mean = graph.call("mean", "MeanToken", x="context") + ".out"
    h = graph.call("sequence", "ConcatTokens", a=mean, b="context") + ".out"
    h = graph.call("position", "LearnedPosition", {"length": "length + 1"}, x=h) + ".out"
    first = graph.call("query", "SplitTokens", x=h, like=mean) + ".first"
    for name, source in (("q", first), ("k", h), ("v", h)):
        graph.nodes[name] = {"call": "Linear", "params": {"out_features": "context_size"}}
        graph.edges.append([source, f"{name}.x"])
        graph.call(f"{name}_heads", "SplitHeads", heads, x=f"{name}.out")
    pooled = graph.call("attend", "DotProductAttention", q="q_heads.out", k="k_heads.out", v="v_heads.out") + ".out"  # fmt: skip
    pooled = graph.call("proj", "Linear", {"in_features": "context_size", "out_features": "pooled_size"}, x=pooled)  # fmt: skip
    pooled = graph.call("vector", "FlattenFeatures", x=f"{pooled}.out") + ".out"
    return definition(
        "A vector for a text: the mean of its tokens attends to them and to itself.",
        graph,
        [CONTEXT],
        [port("pooled", "pooled", "B pooled_size", pooled)],
        {
            "context_size": integer("features of a text token"),
            "length": integer("tokens of the text"),
            "pooled_size": integer("size of the vector"),
            "num_heads": {"type": "int", "default": 8, "min": 1, "help": "attention heads"},
        },
        "Radford et al. 2021, arXiv:2103.00020, section 2.4",
    )
