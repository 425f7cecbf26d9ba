"""The unified residual update h ← h + β·g(t, z) ⊙ F(AdaLN(h; t, z), c(z)): every choice is a socket."""

from typing import Any

from designer.library import Composite

_SOCKETS: dict[str, Any] = {
    "operator": {
        "type": "block",
        "default": "Attention",
        "help": "F: Attention, GroupedAttention, FeedForward, MixtureOfExperts, …",
    },
    "norm_in": {
        "type": "block",
        "default": "LayerNorm",
        "help": "the norm before F (pre-LN): LayerNorm, RMSNorm, AdaRMSNorm, or Identity for post-LN",
    },
    "norm_branch": {
        "type": "block",
        "default": "Identity",
        "help": "the norm behind F and before the sum (sandwich), else Identity",
    },
    "norm_out": {
        "type": "block",
        "default": "Identity",
        "help": "the norm of the sum (post-LN), else Identity; DeepNormAdd needs one",
    },
    "modulator": {
        "type": "block",
        "default": "AdaLNZeroSingle",
        "help": "what makes shift, scale and gate of the condition; unused where nothing reads them",
    },
    "modulation": {
        "type": "block",
        "default": "Modulate",
        "help": "Modulate for AdaLN, Identity for a norm that the condition leaves alone",
    },
    "bound": {
        "type": "block",
        "default": "Identity",
        "help": "the bound of the condition's gate: Identity as in AdaLN-Zero, TanhBound, …",
    },
    "gate": {
        "type": "block",
        "default": "GateTokens",
        "help": "g: GateTokens (AdaLN-Zero), LayerScale, ReZero, TanhGate, SigmoidGate, TokenGate, SNRResidualGate, "
        "Identity",
    },
    "scaling": {
        "type": "block",
        "default": "Identity",
        "help": "Scale to multiply the branch by beta, else Identity",
    },
    "residual": {"type": "block", "default": "Add", "help": "Add, or DeepNormAdd (post-LN)"},
    "qk_norm": {
        "type": "block",
        "default": "Identity",
        "help": "norm of queries and keys in F: RMSNorm, LayerNorm, …",
    },
    "core": {
        "type": "block",
        "default": "DotProductAttention",
        "help": "what F does with heads: DotProductAttention, CosineAttention, SoftCapAttention, LinearAttention, …",
    },
    "head_gate": {"type": "block", "default": "Identity", "help": "HeadGate for a factor of each head in F"},
    "expand": {
        "type": "block",
        "default": "Linear",
        "help": "first layer of a FeedForward: Linear, GLU, GEGLU, SwiGLU",
    },
    "activation": {
        "type": "block",
        "default": "GELU",
        "help": "activation of a FeedForward; Identity for gated ones",
    },
}
_NUMBERS: dict[str, Any] = {
    "beta": {"type": "float", "default": 1.0, "min": 0, "help": "β, such as 1/sqrt(2*depth)"},
    "alpha": {
        "type": "float",
        "default": 1.0,
        "min": 0,
        "help": "factor of the stream in DeepNormAdd, (2*depth)**0.25",
    },
    "gain": {
        "type": "float",
        "default": 1.0,
        "min": 0,
        "help": "start of DeepNorm's weights, (8*depth)**-0.25",
    },
    "num_heads": {"type": "int", "default": 6, "min": 1, "help": "attention heads"},
    "kv_heads": {"type": "int", "default": 2, "min": 1, "help": "key and value heads of a GroupedAttention"},
    "mlp_hidden": {
        "type": "int",
        "default": 1536,
        "min": 1,
        "help": "hidden features of a feed-forward network",
    },
    "patch_size": {
        "type": "int",
        "default": 2,
        "min": 1,
        "help": "side of a patch, where F attends in windows",
    },
}
_OPERATOR = (
    "num_heads", "kv_heads", "mlp_hidden", "gain", "patch_size", "qk_norm", "core", "head_gate", "expand", "activation",
)  # fmt: skip


def _passed(name: str) -> str:
    """A parameter handed on under its own name; names of blocks are text, so they need the expression form."""
    return f"={name}" if name in _SOCKETS else name


_RESIDUAL_UPDATE: dict[str, Any] = {
    "doc": "One branch of a transformer block: normalise, modulate, operate, gate, scale, add.",
    "reference": "Peebles & Xie 2023, arXiv:2212.09748",
    "parameters": {"hidden_size": {"type": "int", "help": "features of a token"}, **_SOCKETS, **_NUMBERS},
    "inputs": [
        {"name": "x", "role": "tokens", "shape": "B N hidden_size"},
        {"name": "c", "role": "vector", "shape": "B cond_size", "optional": True, "help": "time embedding and condition"},
        {"name": "context", "role": "context", "shape": "B M context_size", "optional": True, "help": "tokens of the condition"},
        {"name": "log_snr", "role": "log_snr", "shape": "B", "optional": True, "help": "log-SNR of the timestep"},
        {"name": "like", "role": "map", "shape": "B C H W", "optional": True, "help": "the map that the tokens come from"},
    ],
    "outputs": [{"name": "x", "role": "tokens", "shape": "B N hidden_size", "from": ["norm_out", "out"]}],
    "nodes": {
        "modulator": {"call": "=modulator", "params": {"hidden_size": "hidden_size"}},
        "norm": {"call": "=norm_in", "params": {"elementwise_affine": "modulation == 'Identity'"}},
        "modulate": {"call": "=modulation"},
        "operator": {"call": "=operator", "params": {name: _passed(name) for name in _OPERATOR}},
        "norm_branch": {"call": "=norm_branch"},
        "bound": {"call": "=bound"},
        "gate": {"call": "=gate"},
        "scale": {"call": "=scaling", "params": {"factor": "beta"}},
        "add": {"call": "=residual", "params": {"alpha": "alpha"}},
        "norm_out": {"call": "=norm_out"},
    },
    "edges": [
        ["c", "modulator.c"], ["x", "norm.x"], ["c", "norm.c"], ["norm.out", "modulate.x"],
        ["modulator.shift", "modulate.shift"], ["modulator.scale", "modulate.scale"],
        ["modulate.out", "operator.x"], ["context", "operator.context"], ["like", "operator.like"],
        ["operator.out", "norm_branch.x"],
        ["modulator.gate", "bound.x"], ["bound.out", "gate.gate"],
        ["norm_branch.out", "gate.x"], ["c", "gate.c"], ["log_snr", "gate.log_snr"],
        ["gate.out", "scale.x"], ["x", "add.a"], ["scale.out", "add.b"], ["add.out", "norm_out.x"],
    ],
}  # fmt: skip

_SNR_GATE: dict[str, Any] = {
    "doc": "The branch times a weight of the noise level: small updates while the input is mostly noise.",
    "reference": "Kingma et al. 2021, arXiv:2107.00630",
    "parameters": {"hidden_size": {"type": "int", "help": "features of a token"}},
    "inputs": [
        {"name": "x", "role": "tokens", "shape": "B N hidden_size"},
        {"name": "log_snr", "role": "log_snr", "shape": "B"},
    ],
    "outputs": [{"name": "out", "role": "tokens", "shape": "B N hidden_size", "from": ["weigh", "out"]}],
    "nodes": {"weight": {"call": "SNRGate", "params": {"beta": 0.5}}, "weigh": {"call": "Weigh"}},
    "edges": [["x", "weight.x"], ["log_snr", "weight.log_snr"], ["x", "weigh.x"], ["weight.out", "weigh.w"]],
}

COMPOSITES = (
    Composite("ResidualUpdate", "Residual", "Residual update", "10", _RESIDUAL_UPDATE),
    Composite("SNRResidualGate", "Residual", "Gate of the noise level", "10.4", _SNR_GATE),
)
