"""The blocks of DiT's design space: how the condition enters (Peebles & Xie 2023, section 3.2)."""

from typing import Any, Literal, get_args

from designer.presets.attention_parts import added, modulated
from designer.presets.graph import Graph, definition, port

REFERENCE = "Peebles & Xie 2023, arXiv:2212.09748"
Conditioning = Literal["adaln-zero", "adaln", "in-context", "cross-attention"]
CONDITIONINGS = get_args(Conditioning)

_DOCS: dict[Conditioning, str] = {
    "adaln-zero": "Transformer block whose two branches are normalised, modulated and gated by the condition.",
    "adaln": "Transformer block whose two branches are normalised and modulated by the condition, without gates.",
    "in-context": "Plain transformer block; the condition is among the tokens.",
    "cross-attention": "Transformer block with a third branch that attends to the tokens of the condition.",
}
_TOKENS = port("x", "tokens", "B N hidden_size")
_VECTOR = port("c", "vector", "B hidden_size")
_CONTEXT = port("context", "context", "B M hidden_size")


def dit_block(conditioning: Conditioning, num_heads: int = 6) -> dict[str, Any]:
    """Return the definition of one block; `num_heads` is the default of its parameter."""
    adaptive = conditioning.startswith("adaln")
    gated = conditioning == "adaln-zero"
    norm = {"elementwise_affine": False} if adaptive else {}
    heads = {"num_heads": "num_heads"}
    graph = Graph()
    if adaptive:
        graph.call("adaln", "AdaLNZero" if gated else "AdaLN", {"hidden_size": "hidden_size"}, c="c")
    h = graph.call("norm1", "LayerNorm", norm, x="x") + ".out"
    h = modulated(graph, "msa", h) if adaptive else h
    h = graph.call("attn", "SelfAttention", heads, x=h) + ".out"
    x = added(graph, "msa", "x", h, gated)
    if conditioning == "cross-attention":
        h = graph.call("norm_cross", "LayerNorm", norm, x=x) + ".out"
        h = graph.call("cross_attn", "CrossAttention", heads, x=h, context="context") + ".x"
        x = added(graph, "cross", x, h)
    h = graph.call("norm2", "LayerNorm", norm, x=x) + ".out"
    h = modulated(graph, "mlp", h) if adaptive else h
    h = graph.call("mlp", "Mlp", {"mlp_hidden": "int(hidden_size*mlp_ratio)"}, x=h) + ".x"
    x = added(graph, "mlp", x, h, gated)
    condition = {"in-context": [], "cross-attention": [_CONTEXT]}.get(conditioning, [_VECTOR])
    return definition(
        _DOCS[conditioning],
        graph,
        [_TOKENS, *condition],
        [{**_TOKENS, "from": x.split(".")}],
        {
            "hidden_size": {"type": "int", "help": "features of a token"},
            "num_heads": {"type": "int", "default": num_heads, "help": "attention heads"},
            "mlp_ratio": {
                "type": "float",
                "default": 4.0,
                "help": "hidden features of the MLP / hidden_size",
            },
        },
        f"{REFERENCE}, section 3.2",
    )


def plain_final_layer() -> dict[str, Any]:
    """Return the final layer of the variants whose condition is a token: a plain norm and a projection."""
    graph = Graph()
    h = graph.call("norm", "LayerNorm", x="x") + ".out"
    h = graph.call("proj", "Linear", {"out_features": "patch_features", "init": "zero"}, x=h) + ".out"
    return definition(
        "Normalisation and the projection of each token to its patch, zero at start.",
        graph,
        [_TOKENS],
        [port("patches", "tokens", "B N patch_features", h)],
        {
            "hidden_size": {"type": "int", "help": "features of a token"},
            "patch_features": {"type": "int", "help": "numbers in a patch: patch_size² · channels"},
        },
        REFERENCE,
    )
