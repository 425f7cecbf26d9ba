"""Transformer blocks of two token streams, image and text: separate weights, one attention (MMDiT)."""

from typing import Any

REFERENCE = "Esser et al. 2024, arXiv:2403.03206"
REFERENCE_X = "Stability AI 2024, Stable Diffusion 3.5; Esser et al. 2024, arXiv:2403.03206"

Definition = dict[str, Any]
Edges = list[list[str]]

_PARAMETERS: dict[str, Any] = {
    "hidden_size": {"type": "int", "help": "features of a token"},
    "num_heads": {"type": "int", "default": 24, "help": "attention heads"},
    "qk_norm": {
        "type": "block",
        "default": "RMSNorm",
        "help": "normalises queries and keys in each head; Identity for none",
    },
}
_X = {"name": "x", "role": "tokens", "shape": "B N hidden_size"}
_CONTEXT = {"name": "context", "role": "context", "shape": "B M hidden_size"}
_C = {"name": "c", "role": "vector", "shape": "B hidden_size"}
_ROTARY = [{"name": name, "role": "rotary", "shape": "T half_head"} for name in ("cos", "sin")]
_HEADS = {"num_heads": "num_heads"}
_ATTENTION = {"num_heads": "num_heads", "qk_norm": "=qk_norm"}
_PLAIN_NORM: dict[str, Any] = {"call": "LayerNorm", "params": {"elementwise_affine": False}}
_INTO_HIDDEN: dict[str, Any] = {"out_features": "hidden_size", "init": "xavier_uniform"}
_PROJ: dict[str, Any] = {"call": "Linear", "params": {"in_features": "hidden_size", **_INTO_HIDDEN}}


def joint_attention(
    last: bool = False, norm_params: dict[str, Any] | None = None, rotary: bool = False
) -> Definition:
    """Return the attention of both streams over all tokens; in the `last` block only the image goes on.

    `rotary` rotates the queries and keys of the joined streams by their positions.
    """
    norm = {"call": "=qk_norm", "params": norm_params or {}}
    nodes: dict[str, Any] = {
        "qkv": {"call": "ProjectQKV", "params": _HEADS},
        "norm_q": norm,
        "norm_k": norm,
        "context_qkv": {"call": "ProjectQKV", "params": _HEADS},
        "context_norm_q": norm,
        "context_norm_k": norm,
        "join_q": {"call": "ConcatTokens"},
        "join_k": {"call": "ConcatTokens"},
        "join_v": {"call": "ConcatTokens"},
        "attention": {"call": "DotProductAttention"},
        "split": {"call": "SplitTokens"},
        "proj": _PROJ,
    }
    edges: Edges = [
        ["x", "qkv.x"], ["qkv.q", "norm_q.x"], ["qkv.k", "norm_k.x"],
        ["context", "context_qkv.x"], ["context_qkv.q", "context_norm_q.x"], ["context_qkv.k", "context_norm_k.x"],
        ["context_norm_q.out", "join_q.a"], ["norm_q.out", "join_q.b"],
        ["context_norm_k.out", "join_k.a"], ["norm_k.out", "join_k.b"],
        ["context_qkv.v", "join_v.a"], ["qkv.v", "join_v.b"], ["join_v.out", "attention.v"],
        ["attention.out", "split.x"], ["context", "split.like"], ["split.rest", "proj.x"],
    ]  # fmt: skip
    edges += rotated(nodes, "join_q.out", "join_k.out") if rotary else [
        ["join_q.out", "attention.q"], ["join_k.out", "attention.k"],
    ]  # fmt: skip
    outputs = [{**_X, "name": "attended", "from": ["proj", "out"]}]
    if not last:
        nodes["context_proj"] = _PROJ
        edges.append(["split.first", "context_proj.x"])
        outputs.append({**_CONTEXT, "name": "context_attended", "from": ["context_proj", "out"]})
    return {
        "doc": "Attention of image and text tokens over each other, with weights of their own.",
        "reference": f"{REFERENCE}, section 4",
        "parameters": _PARAMETERS,
        "inputs": [_X, _CONTEXT, *(_ROTARY if rotary else ())],
        "outputs": outputs,
        "nodes": nodes,
        "edges": edges,
    }


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
    norm = {"call": "=qk_norm", "params": norm_params or {}}
    return {
        "doc": "Attention of the image tokens over each other.",
        "reference": REFERENCE_X,
        "parameters": _PARAMETERS,
        "inputs": [_X],
        "outputs": [{**_X, "name": "attended", "from": ["proj", "out"]}],
        "nodes": {
            "qkv": {"call": "ProjectQKV", "params": _HEADS},
            "norm_q": norm,
            "norm_k": norm,
            "attention": {"call": "DotProductAttention"},
            "proj": _PROJ,
        },
        "edges": [
            ["x", "qkv.x"], ["qkv.q", "norm_q.x"], ["qkv.k", "norm_k.x"],
            ["norm_q.out", "attention.q"], ["norm_k.out", "attention.k"], ["qkv.v", "attention.v"],
            ["attention.out", "proj.x"],
        ],
    }  # fmt: skip


MLP_BRANCH: Definition = {
    "doc": "The feed-forward branch of one stream: normalised, modulated, gated, added.",
    "reference": REFERENCE,
    "parameters": {
        "hidden_size": {"type": "int", "help": "features of a token"},
        "mlp_ratio": {"type": "float", "default": 4.0, "help": "hidden features / hidden_size"},
    },
    "inputs": [
        _X,
        {"name": "shift", "role": "vector", "shape": "B hidden_size"},
        {"name": "scale", "role": "vector", "shape": "B hidden_size"},
        {"name": "gate", "role": "vector", "shape": "B hidden_size"},
    ],
    "outputs": [{**_X, "from": ["add", "out"]}],
    "nodes": {
        "norm": _PLAIN_NORM,
        "modulate": {"call": "Modulate"},
        "fc1": {
            "call": "Linear",
            "params": {"out_features": "int(hidden_size*mlp_ratio)", "init": "xavier_uniform"},
        },
        "act": {"call": "GELU"},
        "fc2": {"call": "Linear", "params": _INTO_HIDDEN},
        "apply_gate": {"call": "GateTokens"},
        "add": {"call": "Add"},
    },
    "edges": [
        ["x", "norm.x"], ["norm.out", "modulate.x"], ["shift", "modulate.shift"], ["scale", "modulate.scale"],
        ["modulate.out", "fc1.x"], ["fc1.out", "act.x"], ["act.out", "fc2.x"],
        ["fc2.out", "apply_gate.x"], ["gate", "apply_gate.gate"],
        ["x", "add.a"], ["apply_gate.out", "add.b"],
    ],
}  # fmt: skip


def joint_block(dual: bool = False, last: bool = False, rotary: bool = False) -> Definition:
    """Return a block of two streams: `dual` adds attention of the image alone, `last` ends the text stream."""
    adaln = "AdaLNZeroDual" if dual else "AdaLNZero"
    attention = "LastJointAttention" if last else "JointAttention"
    nodes: dict[str, Any] = {
        "adaln": {"call": adaln, "params": {"hidden_size": "hidden_size"}},
        "norm": _PLAIN_NORM,
        "modulate": {"call": "Modulate"},
        "context_adaln": {
            "call": "AdaLNModulation" if last else "AdaLNZero",
            "params": {"hidden_size": "hidden_size"},
        },
        "context_norm": _PLAIN_NORM,
        "context_modulate": {"call": "Modulate"},
        "attn": {"call": attention, "params": _ATTENTION},
        "gate_msa": {"call": "GateTokens"},
        "add_msa": {"call": "Add"},
    }
    context_shift, context_scale = ("shift", "scale") if last else ("shift_msa", "scale_msa")
    edges: Edges = [
        ["c", "adaln.c"], ["x", "norm.x"], ["norm.out", "modulate.x"],
        ["adaln.shift_msa", "modulate.shift"], ["adaln.scale_msa", "modulate.scale"],
        ["c", "context_adaln.c"], ["context", "context_norm.x"], ["context_norm.out", "context_modulate.x"],
        [f"context_adaln.{context_shift}", "context_modulate.shift"],
        [f"context_adaln.{context_scale}", "context_modulate.scale"],
        ["modulate.out", "attn.x"], ["context_modulate.out", "attn.context"],
        ["attn.attended", "gate_msa.x"], ["adaln.gate_msa", "gate_msa.gate"],
        ["x", "add_msa.a"], ["gate_msa.out", "add_msa.b"],
    ]  # fmt: skip
    edges += [["cos", "attn.cos"], ["sin", "attn.sin"]] if rotary else []
    trunk = _add_dual(nodes, edges) if dual else "add_msa.out"
    edges += _add_mlp(nodes, "mlp", trunk, "adaln")
    outputs = [{**_X, "from": ["mlp", "x"]}]
    if not last:
        nodes["context_gate_msa"] = {"call": "GateTokens"}
        nodes["context_add_msa"] = {"call": "Add"}
        edges += [
            ["attn.context_attended", "context_gate_msa.x"], ["context_adaln.gate_msa", "context_gate_msa.gate"],
            ["context", "context_add_msa.a"], ["context_gate_msa.out", "context_add_msa.b"],
        ]  # fmt: skip
        edges += _add_mlp(nodes, "context_mlp", "context_add_msa.out", "context_adaln")
        outputs.append({**_CONTEXT, "from": ["context_mlp", "x"]})
    return {
        "doc": _doc(dual, last),
        "reference": REFERENCE_X if dual else f"{REFERENCE}, section 4",
        "parameters": {**_PARAMETERS, "mlp_ratio": MLP_BRANCH["parameters"]["mlp_ratio"]},
        "inputs": [_X, _CONTEXT, _C, *(_ROTARY if rotary else ())],
        "outputs": outputs,
        "nodes": nodes,
        "edges": edges,
    }


def _doc(dual: bool, last: bool) -> str:
    text = "Block of two streams, image and text, that meet in one attention"
    text += "; the image attends to itself a second time" if dual else ""
    return text + ("; the last one, where the text ends." if last else ".")


def _add_dual(nodes: dict[str, Any], edges: Edges) -> str:
    """Add the second attention, which reads the input of the block; return the trunk after it."""
    nodes["modulate_dual"] = {"call": "Modulate"}
    nodes["attn_dual"] = {"call": "ImageAttention", "params": _ATTENTION}
    nodes["gate_dual"] = {"call": "GateTokens"}
    nodes["add_dual"] = {"call": "Add"}
    edges += [
        ["norm.out", "modulate_dual.x"],
        ["adaln.shift_dual", "modulate_dual.shift"], ["adaln.scale_dual", "modulate_dual.scale"],
        ["modulate_dual.out", "attn_dual.x"], ["attn_dual.attended", "gate_dual.x"], ["adaln.gate_dual", "gate_dual.gate"],
        ["add_msa.out", "add_dual.a"], ["gate_dual.out", "add_dual.b"],
    ]  # fmt: skip
    return "add_dual.out"


def _add_mlp(nodes: dict[str, Any], name: str, trunk: str, adaln: str) -> Edges:
    nodes[name] = {"call": "MlpBranch", "params": {"mlp_ratio": "mlp_ratio"}}
    return [
        [trunk, f"{name}.x"], [f"{adaln}.shift_mlp", f"{name}.shift"], [f"{adaln}.scale_mlp", f"{name}.scale"],
        [f"{adaln}.gate_mlp", f"{name}.gate"],
    ]  # fmt: skip
