"""Attention and feed-forward layers of transformers as definitions that open down to their projections."""

from typing import Any

from designer.presets.graph import Graph

ACTIVATIONS: dict[str, dict[str, Any]] = {
    "gelu": {"call": "GELU", "params": {"approximate": "none"}},
    "gelu-approximate": {"call": "GELU"},
    "linear-silu": {"call": "SiLU"},
    "geglu-approximate": {"call": "QuickGELU"},
}
GATED = {"geglu": "GEGLU", "swiglu": "SwiGLU"}

_X = {"name": "x", "role": "tokens", "shape": "B N hidden_size"}
_CONTEXT = {"name": "context", "role": "context", "shape": "B M context_size"}
_MASK = {"name": "mask", "role": "mask", "shape": "B M"}
_HIDDEN = {"type": "int", "help": "features of a token"}
_HEADS = {"type": "int", "default": 8, "help": "attention heads; must divide hidden_size"}
_BIAS = {"type": "bool", "default": True, "help": "learned constants in the queries, keys and values"}
_DROPOUT = {"type": "float", "default": 0.1, "min": 0, "max": 0.99, "help": "dropout in training"}


def chain(*ends: str) -> list[list[str]]:
    """Return the edges of a chain: an endpoint, then nodes that each take `x` and put out `out`."""
    sources = [ends[0], *(f"{node}.out" for node in ends[1:-1])]
    return [[source, f"{node}.x"] for source, node in zip(sources, ends[1:], strict=True)]


def modulated(graph: Graph, branch: str, source: str) -> str:
    """Scale and shift `source` as the node `adaln` says for this branch; return the result's endpoint."""
    node = f"modulate_{branch}"
    return graph.call(node, "Modulate", x=source, shift=f"adaln.shift_{branch}", scale=f"adaln.scale_{branch}") + ".out"  # fmt: skip


def added(graph: Graph, branch: str, trunk: str, update: str, gated: bool = False) -> str:
    """Add the branch's update to the trunk, gated by the node `adaln` where asked for; return the sum's endpoint."""
    if gated:
        update = graph.call(f"gate_{branch}", "GateTokens", x=update, gate=f"adaln.gate_{branch}") + ".out"
    return graph.call(f"add_{branch}", "Add", a=trunk, b=update) + ".out"


def linear(out_features: str, bias: str | bool = True, init: str = "xavier_uniform") -> dict[str, Any]:
    """Return a node that calls Linear."""
    params: dict[str, Any] = {"out_features": out_features, "init": init}
    return {"call": "Linear", "params": params if bias is True else {**params, "bias": bias}}


def attention(
    cross: bool = False,
    masked: bool = False,
    dropout: bool = False,
    init: str = "xavier_uniform",
    out_bias: bool = False,
) -> dict[str, Any]:
    """Return the definition of multi-head attention: self, or cross over a context, maybe with a mask.

    `init` is the start of the output projection; `out_bias`: whether that has a bias is a parameter.
    """
    source = "context" if cross else "x"
    inputs = [_X, *([_CONTEXT] if cross else []), *([_MASK] if masked else [])]
    nodes: dict[str, Any] = {name: linear("hidden_size", "qkv_bias") for name in ("q", "k", "v")}
    edges = [["x", "q.x"], [source, "k.x"], [source, "v.x"]]
    for name in ("q", "k", "v"):
        nodes[f"{name}_heads"] = {"call": "SplitHeads", "params": {"num_heads": "num_heads"}}
        edges += [[f"{name}.out", f"{name}_heads.x"], [f"{name}_heads.out", f"attend.{name}"]]
    nodes["attend"] = {"call": "MaskedAttention" if masked else "DotProductAttention"}
    nodes["proj"] = linear("hidden_size", "out_bias" if out_bias else True, init)
    nodes["proj"]["params"]["in_features"] = "hidden_size"
    edges += [["mask", "attend.mask"]] if masked else []
    tail = ["proj"]
    if dropout:
        nodes["dropout"] = {"call": "Dropout", "params": {"p": "dropout"}}
        tail.append("dropout")
    context = {"context_size": {"type": "int", "help": "features of a context token"}} if cross else {}
    return {
        "doc": f"Multi-head {'cross-attention over a context' if cross else 'self-attention'}.",
        "reference": "Vaswani et al. 2017, arXiv:1706.03762",
        "parameters": {
            "hidden_size": _HIDDEN,
            **context,
            "num_heads": _HEADS,
            "qkv_bias": _BIAS,
            **({"out_bias": {**_BIAS, "help": "learned constants in the output"}} if out_bias else {}),
            **({"dropout": _DROPOUT} if dropout else {}),
        },
        "inputs": inputs,
        "outputs": [{**_X, "from": [tail[-1], "out"]}],
        "nodes": nodes,
        "edges": [*edges, *chain("attend.out", *tail)],
    }


def feed_forward(
    activation: str = "gelu-approximate", dropout: bool = False, bias: bool = False
) -> dict[str, Any]:
    """Return the definition of a feed-forward network on each token; gated activations replace fc1 and act.

    `bias`: whether its layers have biases is a parameter.
    """
    biased = {"bias": "bias"} if bias else {}
    nodes: dict[str, Any] = {}
    if activation in GATED:
        nodes["fc1"] = {"call": GATED[activation], "params": {"out_features": "mlp_hidden", **biased}}
    else:
        nodes["fc1"] = linear("mlp_hidden", **biased)
        nodes["act"] = ACTIVATIONS[activation]
    if dropout:
        nodes["dropout"] = {"call": "Dropout", "params": {"p": "dropout"}}
    nodes["fc2"] = linear("hidden_size", **biased)
    return {
        "doc": "Two-layer perceptron on each token.",
        "parameters": {
            "hidden_size": _HIDDEN,
            "mlp_hidden": {"type": "int", "help": "hidden features"},
            **({"bias": {**_BIAS, "help": "learned constants in both layers"}} if bias else {}),
            **({"dropout": _DROPOUT} if dropout else {}),
        },
        "inputs": [_X],
        "outputs": [{**_X, "from": ["fc2", "out"]}],
        "nodes": nodes,
        "edges": chain("x", *nodes),
    }


def long_skip(normed: bool = False) -> dict[str, Any]:
    """Return the fusion of a long skip: concatenated, normalised where asked for, projected back to the width."""
    graph = Graph()
    h = graph.call("concat", "ConcatFeatures", a="a", b="b") + ".out"
    h = graph.call("norm", "LayerNorm", {"eps": 1e-6}, x=h) + ".out" if normed else h
    h = graph.call("linear", "Linear", {"out_features": "hidden_size"}, x=h) + ".out"
    return {
        "doc": f"Trunk a and skip b are concatenated, {'normalised, ' if normed else ''}projected back to the width.",
        "reference": "Li et al. 2024, arXiv:2405.08748"
        if normed
        else "Bao et al. 2023, arXiv:2209.12152, section 3.1",
        "parameters": {"hidden_size": _HIDDEN},
        "inputs": [{**_X, "name": "a"}, {**_X, "name": "b"}],
        "outputs": [{**_X, "name": "out", "from": h.split(".")}],
        "nodes": graph.nodes,
        "edges": graph.edges,
    }


def text_projection(activation: str = "gelu-approximate") -> dict[str, Any]:
    """Return the definition of a two-layer perceptron that brings text tokens to another width."""
    return {
        "doc": "Text tokens to another width: a two-layer perceptron on each.",
        "reference": "Chen et al. 2023, arXiv:2310.00426",
        "parameters": {
            "context_size": {"type": "int", "help": "features of a text token"},
            "hidden_features": {"type": "int", "help": "hidden features"},
            "out_features": {"type": "int", "help": "features of the result"},
        },
        "inputs": [_CONTEXT],
        "outputs": [
            {"name": "context", "role": "context", "shape": "B M out_features", "from": ["fc2", "out"]}
        ],
        "nodes": {
            "fc1": linear("hidden_features", init="normal_0.02"),
            "act": ACTIVATIONS[activation],
            "fc2": linear("out_features", init="normal_0.02"),
        },
        "edges": [["context", "fc1.x"], *chain("fc1.out", "act", "fc2")],
    }
