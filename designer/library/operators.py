"""Operators of a transformer block with sockets: attention and feed-forward networks."""

from typing import Any

from designer.library import Composite

_X = {"name": "x", "role": "tokens", "shape": "B N hidden_size"}
_LIKE = {
    "name": "like",
    "role": "map",
    "shape": "B C H W",
    "optional": True,
    "help": "the map that the tokens come from, where the attention needs the grid",
}
_OUT = {"name": "out", "role": "tokens", "shape": "B N hidden_size"}
_HIDDEN = {"type": "int", "help": "features of a token"}
_HEADS = {"type": "int", "default": 6, "min": 1, "help": "attention heads; must divide hidden_size"}
_CHOICES: dict[str, Any] = {
    "qk_norm": {
        "type": "block",
        "default": "Identity",
        "help": "norm of queries and keys in each head: RMSNorm, LayerNorm, or Identity for none",
    },
    "core": {
        "type": "block",
        "default": "DotProductAttention",
        "help": "DotProductAttention, CosineAttention, SoftCapAttention, ClippedAttention, LinearAttention, "
        "WindowAttention, NeighbourhoodAttention",
    },
    "head_gate": {"type": "block", "default": "Identity", "help": "HeadGate for a factor of each head"},
}
_PATCH = {
    "type": "int",
    "default": 2,
    "min": 1,
    "help": "side of a patch, where the attention needs the grid",
}
_SQUARE = {"in_features": "hidden_size", "out_features": "hidden_size"}  # whatever the heads join to
_REFERENCE = "Vaswani et al. 2017, arXiv:1706.03762"


def _core(last: str, projection: dict[str, Any]) -> tuple[dict[str, Any], list[list[str]]]:
    """The nodes from normalised heads to the output; queries, keys and values come from nodes named here."""
    nodes: dict[str, Any] = {
        "q_norm": {"call": "=qk_norm"},
        "k_norm": {"call": "=qk_norm"},
        "attend": {"call": "=core", "params": {"patch_size": "patch_size"}},
        "head_gate": {"call": "=head_gate", "params": {"num_heads": "num_heads"}},
        last: projection,
    }
    edges = [
        ["q_norm.out", "attend.q"], ["k_norm.out", "attend.k"], ["like", "attend.like"],
        ["attend.out", "head_gate.x"], ["head_gate.out", f"{last}.x"],
    ]  # fmt: skip
    return nodes, edges


def _attention() -> dict[str, Any]:
    """Self-attention with one projection to queries, keys and values."""
    project = {"call": "Linear", "params": {**_SQUARE, "init": "xavier_uniform"}}
    nodes, edges = _core("proj", project)
    return {
        "doc": "Multi-head self-attention with sockets for the norm of queries and keys, the logits and head gates.",
        "reference": _REFERENCE,
        "parameters": {"hidden_size": _HIDDEN, "num_heads": _HEADS, **_CHOICES, "patch_size": _PATCH},
        "inputs": [_X, _LIKE],
        "outputs": [{**_OUT, "from": ["proj", "out"]}],
        "nodes": {"project": {"call": "ProjectQKV", "params": {"num_heads": "num_heads"}}, **nodes},
        "edges": [
            ["x", "project.x"], ["project.q", "q_norm.x"], ["project.k", "k_norm.x"], ["project.v", "attend.v"],
            *edges,
        ],
    }  # fmt: skip


def _separate(doc: str, reference: str, kv_features: str, kv_heads: str, scaled: bool) -> dict[str, Any]:
    """Self-attention with a projection each for queries, keys and values."""
    wide = {"out_features": "hidden_size"}
    narrow = {"out_features": kv_features}
    plain = {"init": "xavier_uniform"}

    def value(params: dict[str, str]) -> dict[str, Any]:
        if scaled:
            return {"call": "ScaledLinear", "params": {**params, "gain": "gain"}}
        return {"call": "Linear", "params": {**params, **plain}}

    nodes, edges = _core("proj", value(_SQUARE))
    if not scaled:
        nodes["attend"] = {"call": "GroupedQueryAttention"}
    projections = {
        "q": {"call": "Linear", "params": {**wide, **plain}},
        "k": {"call": "Linear", "params": {**narrow, **plain}},
        "v": value(narrow),
    }
    heads = {"q": "num_heads", "k": kv_heads, "v": kv_heads}
    ends = {"q": "q_norm.x", "k": "k_norm.x", "v": "attend.v"}
    extra: dict[str, Any] = (
        {
            "gain": {
                "type": "float",
                "default": 1.0,
                "min": 0,
                "help": "start of values and output, (8*depth)**-0.25",
            }
        }
        if scaled
        else {
            "kv_heads": {
                "type": "int",
                "default": 2,
                "min": 1,
                "help": "key and value heads; must divide num_heads",
            }
        }
    )
    return {
        "doc": doc,
        "reference": reference,
        "parameters": {
            "hidden_size": _HIDDEN,
            "num_heads": _HEADS,
            **extra,
            **(_CHOICES if scaled else {name: one for name, one in _CHOICES.items() if name != "core"}),
            **({"patch_size": _PATCH} if scaled else {}),
        },
        "inputs": [_X, *([_LIKE] if scaled else [])],
        "outputs": [{**_OUT, "from": ["proj", "out"]}],
        "nodes": {
            **projections,
            **{
                f"{name}_heads": {"call": "SplitHeads", "params": {"num_heads": count}}
                for name, count in heads.items()
            },
            **nodes,
        },
        "edges": [
            *(["x", f"{name}.x"] for name in projections),
            *([f"{name}.out", f"{name}_heads.x"] for name in projections),
            *([f"{name}_heads.out", end] for name, end in ends.items()),
            *(edge for edge in edges if scaled or edge[0] != "like"),
        ],
    }


def _feed_forward(doc: str, reference: str, scaled: bool) -> dict[str, Any]:
    """Two layers on each token; the first may be gated."""
    gain = {
        "gain": {"type": "float", "default": 1.0, "min": 0, "help": "start of the weights, (8*depth)**-0.25"}
    }
    last = (
        {"call": "ScaledLinear", "params": {"out_features": "hidden_size", "gain": "gain"}}
        if scaled
        else {"call": "Linear", "params": {"out_features": "hidden_size", "init": "xavier_uniform"}}
    )
    return {
        "doc": doc,
        "reference": reference,
        "parameters": {
            "hidden_size": _HIDDEN,
            "mlp_hidden": {"type": "int", "default": 1536, "min": 1, "help": "hidden features"},
            **(gain if scaled else {}),
            "expand": {
                "type": "block",
                "default": "ScaledLinear" if scaled else "Linear",
                "help": "first layer: Linear, or gated: GLU, GEGLU, SwiGLU",
            },
            "activation": {
                "type": "block",
                "default": "GELU",
                "help": "GELU, SiLU, ReLU, …; Identity behind a gated first layer",
            },
        },
        "inputs": [_X],
        "outputs": [{**_OUT, "from": ["fc2", "out"]}],
        "nodes": {
            "fc1": {
                "call": "=expand",
                "params": {
                    "out_features": "mlp_hidden",
                    "init": "xavier_uniform",
                    **({"gain": "gain"} if scaled else {}),
                },
            },
            "act": {"call": "=activation"},
            "fc2": last,
        },
        "edges": [["x", "fc1.x"], ["fc1.out", "act.x"], ["act.out", "fc2.x"]],
    }


_DEEP = "Wang et al. 2022, arXiv:2203.00555"

COMPOSITES = (
    Composite("Attention", "Attention", "Self-attention with sockets", "12.1", _attention()),
    Composite(
        "GroupedAttention",
        "Attention",
        "Grouped-query attention with sockets",
        "12.1",
        _separate(
            "Multi-head self-attention in which several query heads share one key and value head.",
            "Ainslie et al. 2023, arXiv:2305.13245",
            "kv_heads*(hidden_size//num_heads)",
            "kv_heads",
            False,
        ),
    ),
    Composite(
        "DeepNormAttention",
        "Attention",
        "Self-attention, DeepNorm start",
        "10.2",
        _separate(
            "Multi-head self-attention whose values and output start small, for post-LN with DeepNorm.",
            _DEEP,
            "hidden_size",
            "num_heads",
            True,
        ),
    ),
    Composite(
        "FeedForward",
        "Feed-forward",
        "Feed-forward network with sockets",
        "12.2",
        _feed_forward(
            "Two-layer network on each token; its first layer may be gated.",
            "Shazeer 2020, arXiv:2002.05202",
            False,
        ),
    ),
    Composite(
        "DeepNormFeedForward",
        "Feed-forward",
        "Feed-forward network, DeepNorm start",
        "10.2",
        _feed_forward(
            "Two-layer network on each token whose weights start small, for post-LN with DeepNorm.",
            _DEEP,
            True,
        ),
    ),
)
