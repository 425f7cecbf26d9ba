"""Attention whose queries and keys are normalised and, where asked for, rotated by their positions."""

from designer.presets.attention_parts import chain, linear
from designer.presets.graph import Graph, Json, definition, integer, port

HIDDEN = integer("features of a token")
HEADS = integer("attention heads; must divide hidden_size", 8)
BIAS = {"type": "bool", "default": True, "help": "learned constants in the queries, keys and values"}
EPS = {"type": "float", "default": 1e-6, "min": 0, "help": "added to the mean square or variance by a norm"}
ROTATION: Json = {"type": "block", "default": "ApplyRotary", "help": "rotates queries and keys by the positions of their patches; Identity for none"}  # fmt: skip
TOKENS = port("x", "tokens", "B N hidden_size")
CONTEXT = port("context", "context", "B M context_size")
ROTARY = [port("cos", "rotary", "N pairs"), port("sin", "rotary", "N pairs")]


def rotary_attention(
    norm: str, across_heads: bool, cross: bool = False, rotary: str = "", reference: str = ""
) -> Json:
    """Return multi-head attention with norm `norm` on queries and keys, over all heads at once or in each.

    `rotary` is the block that rotates them: ApplyRotary, or "=rotation" for a socket.
    """
    graph = Graph()
    for name in ("q", "k", "v"):
        graph.nodes[name] = linear("hidden_size", "qkv_bias")
        graph.edges.append(["context" if cross and name != "q" else "x", f"{name}.x"])
        end = f"{name}.out"
        if name != "v" and across_heads:
            end = _norm(graph, name, norm, end)
        end = graph.call(f"{name}_heads", "SplitHeads", {"num_heads": "num_heads"}, x=end) + ".out"
        if name != "v":
            end = end if across_heads else _norm(graph, name, norm, end)
            end = _rotate(graph, name, rotary, end) if rotary else end
        graph.edges.append([end, f"attend.{name}"])
    graph.call("attend", "DotProductAttention")
    graph.nodes["proj"] = linear("hidden_size")
    graph.nodes["proj"]["params"]["in_features"] = "hidden_size"
    graph.edges += chain("attend.out", "proj")
    what = "cross-attention over a context" if cross else "self-attention"
    return definition(
        f"Multi-head {what} with normalised queries and keys" + (", rotated by position." if rotary else "."),
        graph,
        [TOKENS, *([CONTEXT] if cross else []), *(ROTARY if rotary else [])],
        [{**TOKENS, "from": ["proj", "out"]}],
        {
            "hidden_size": HIDDEN,
            **({"context_size": integer("features of a context token")} if cross else {}),
            "num_heads": HEADS,
            "qkv_bias": BIAS,
            "norm_eps": EPS,
            **({"rotation": ROTATION} if rotary.startswith("=") else {}),
        },
        reference,
    )


def _norm(graph: Graph, name: str, norm: str, end: str) -> str:
    return graph.call(f"{name}_norm", norm, {"eps": "norm_eps"}, x=end) + ".out"


def _rotate(graph: Graph, name: str, rotary: str, end: str) -> str:
    return graph.call(f"{name}_rotate", rotary, x=end, cos="cos", sin="sin") + ".out"
