"""The attention layers and the feed-forward network of latent U-Nets, as definitions of primitives."""

from designer.presets.graph import Graph, Json, definition, integer, port

LDM = "Rombach et al. 2022, arXiv:2112.10752"
IMAGEN = "Saharia et al. 2022, arXiv:2205.11487"
CONTEXT = {"context_dim": integer("features of a token of the context")}
GROUPS = {"num_groups": integer("groups of the normalisations", 32)}
HEADS = {"num_heads": integer("attention heads", 8)}
CONTEXT_IN = port("context", "context", "B N context_dim")


def self_attention() -> Json:
    """Return multi-head self-attention."""
    graph = Graph()
    graph.call("qkv", "ProjectQKV", {"num_heads": "num_heads", "bias": False}, x="x")
    graph.call("attend", "DotProductAttention", q="qkv.q", k="qkv.k", v="qkv.v")
    graph.call(
        "proj", "Linear", {"in_features": "hidden_size", "out_features": "hidden_size"}, x="attend.out"
    )
    return definition(
        "Multi-head self-attention; queries, keys and values without bias.",
        graph,
        [port("x", "tokens", "B M hidden_size")],
        [port("x", "tokens", "B M hidden_size", "proj.out")],
        {"hidden_size": integer("features of a token"), **HEADS},
        LDM,
    )


def cross_attention() -> Json:
    """Return multi-head cross-attention."""
    graph = Graph()
    wide = {"out_features": "hidden_size", "bias": False}
    for name, source in (("q", "x"), ("k", "context"), ("v", "context")):
        graph.call(name, "Linear", wide, x=source)
        graph.call(f"{name}_heads", "SplitHeads", {"num_heads": "num_heads"}, x=f"{name}.out")
    graph.call("attend", "DotProductAttention", q="q_heads.out", k="k_heads.out", v="v_heads.out")
    graph.call(
        "proj", "Linear", {"in_features": "hidden_size", "out_features": "hidden_size"}, x="attend.out"
    )
    return definition(
        "Multi-head cross-attention: pixels ask, the context answers; no biases but the last.",
        graph,
        [port("x", "tokens", "B M hidden_size"), CONTEXT_IN],
        [port("x", "tokens", "B M hidden_size", "proj.out")],
        {"hidden_size": integer("features of a token"), **CONTEXT, **HEADS},
        LDM,
    )


def feed_forward() -> Json:
    """Return the feed-forward network."""
    graph = Graph()
    graph.call("gate", "GEGLU", {"out_features": "ff_hidden"}, x="x")
    graph.call("proj", "Linear", {"out_features": "hidden_size"}, x="gate.out")
    return definition(
        "Feed-forward network with a gated GELU.",
        graph,
        [port("x", "tokens", "B M hidden_size")],
        [port("x", "tokens", "B M hidden_size", "proj.out")],
        {"hidden_size": integer("features of a token"), "ff_hidden": integer("hidden features")},
        "Shazeer 2020, arXiv:2002.05202",
    )


def mixed_attention(context_norm: str, only_cross: bool) -> Json:
    """Return the definition: keys and values of the context, and those of the pixels unless `only_cross`."""
    graph = Graph()
    heads, wide = {"num_heads": "num_heads"}, {"out_features": "channels"}
    graph.call("norm", "GroupNorm", {"num_groups": "num_groups", "eps": 1e-5}, x="x")
    graph.call("to_tokens", "MapToTokens", x="norm.out")
    context = _normalised(graph, context_norm)
    keys = {}
    for letter in "kv":
        graph.call(f"context_{letter}", "Linear", wide, x=context)
        keys[letter] = (
            graph.call(f"context_{letter}_heads", "SplitHeads", heads, x=f"context_{letter}.out") + ".out"
        )
    if only_cross:
        graph.call("q", "Linear", wide, x="to_tokens.tokens")
        query = graph.call("q_heads", "SplitHeads", heads, x="q.out") + ".out"
    else:
        query = graph.call("qkv", "ProjectQKV", heads, x="to_tokens.tokens") + ".q"
        for letter in "kv":
            keys[letter] = (
                graph.call(f"join_{letter}", "ConcatTokens", a=keys[letter], b=f"qkv.{letter}") + ".out"
            )
    graph.call("attend", "DotProductAttention", q=query, k=keys["k"], v=keys["v"])
    graph.call("proj", "Linear", {"in_features": "channels", "out_features": "channels"}, x="attend.out")
    graph.call("to_map", "TokensToMap", tokens="proj.out", like="x")
    graph.call("add", "Add", a="to_map.out", b="x")
    what = "the context" if only_cross else "pixels and context together"
    return definition(
        f"Attention of the pixels of a map to {what}, as a residual branch.",
        graph,
        [port("x", "map", "B channels H W"), CONTEXT_IN],
        [port("x", "map", "B channels H W", "add.out")],
        {"channels": integer("channels of the map"), **CONTEXT, **HEADS, **GROUPS},
        IMAGEN,
    )


def _normalised(graph: Graph, norm: str) -> str:
    """Normalise the context over its features; group statistics run over its tokens too."""
    if norm == "layer_norm":
        return graph.call("norm_context", "LayerNorm", {"eps": 1e-5}, x="context") + ".out"
    if norm == "group_norm":
        graph.call("turn", "Transpose", x="context")
        graph.call("norm_context", "GroupNorm", {"num_groups": 32}, x="turn.out")
        return graph.call("turn_back", "Transpose", x="norm_context.out") + ".out"
    return "context"
