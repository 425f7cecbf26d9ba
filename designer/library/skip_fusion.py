"""The unified skip fusion y = Fuse(w_d ⊙ φ_d(d, z), w_s ⊙ φ_s(s, z), z): every choice is a socket."""

from typing import Any

from designer.library import Composite

_SOCKETS: dict[str, Any] = {
    "transform_d": {
        "type": "block",
        "default": "Identity",
        "help": "φ_d, the transform of the trunk: Identity, Projection, GroupNorm, FreeUBackbone, …",
    },
    "transform_s": {
        "type": "block",
        "default": "Identity",
        "help": "φ_s, the transform of the skip: Identity, Projection, GroupNorm, BandSplit, SkipTuner, ControlResidual, "
        "FreeUSkip, FreSca, SkipMix, …",
    },
    "gate_d": {
        "type": "block",
        "default": "UnitGate",
        "help": "ψ_d, the weight of the trunk, as a number, a weight or a logit",
    },
    "gate_s": {
        "type": "block",
        "default": "UnitGate",
        "help": "ψ_s, the weight of the skip: UnitGate, ConstantGate, ExponentialGate, ScaleLongConstant, "
        "ScaleLongLearned, SNRGate, ScalarMLPGate, ChannelMLPGate, SpatialGate, ProductGate, …",
    },
    "bound_d": {
        "type": "block",
        "default": "Identity",
        "help": "η_d, the bound of the trunk's logit: SigmoidBound, DoubleSigmoidBound, TanhBound, AroundOneBound, …",
    },
    "bound_s": {
        "type": "block",
        "default": "Identity",
        "help": "η_s, the bound of the skip's logit; Identity for weights that need none",
    },
    "fuse": {
        "type": "block",
        "default": "Add",
        "help": "Add, VPAdd, ConcatChannels, ConcatProject, AttentionFusion, ChannelShuffleFusion, …",
    },
    "level": {"type": "int", "default": 1, "min": 1, "help": "number of the skip, 1 the shallowest"},
    "levels": {"type": "int", "default": 4, "min": 1, "help": "how many skips there are"},
    "num_groups": {"type": "int", "default": 32, "min": 1, "help": "groups of a GroupNorm that fills φ"},
    "dropout": {
        "type": "float",
        "default": 0.0,
        "min": 0,
        "max": 0.99,
        "help": "probability of dropping the skip of a sample in training",
    },
}
_CONDITIONS: list[dict[str, Any]] = [
    {"name": "c", "role": "vector", "shape": "B cond_size", "optional": True, "help": "time embedding, condition, or both"},
    {"name": "log_snr", "role": "log_snr", "shape": "B", "optional": True, "help": "log-SNR of the timestep"},
    {"name": "strength", "role": "strength", "shape": "B", "optional": True, "help": "strength chosen by the caller"},
]  # fmt: skip


def _stream(name: str, other: str) -> tuple[dict[str, Any], list[list[str]]]:
    """The nodes of one stream: transform, weight, bound, product."""
    level = {"level": "level", "levels": "levels"}
    widths = {"out_channels": "channels", "out_features": "channels", "num_groups": "num_groups"}
    nodes: dict[str, Any] = {
        f"phi_{name}": {"call": f"=transform_{name}", "params": {**level, **widths}},
        f"psi_{name}": {"call": f"=gate_{name}", "params": level},
        f"w_{name}": {"call": f"=bound_{name}"},
        f"weigh_{name}": {"call": "Weigh", "when": f"gate_{name} != 'UnitGate'"},
    }
    conditions = [port["name"] for port in _CONDITIONS]
    edges = [
        [name, f"phi_{name}.x"],
        [f"phi_{name}.out", f"psi_{name}.x"], [other, f"psi_{name}.other"],
        *([one, f"{node}_{name}.{one}"] for node in ("phi", "psi") for one in conditions),
        [f"psi_{name}.out", f"w_{name}.x"],
        [f"phi_{name}.out", f"weigh_{name}.x"], [f"w_{name}.out", f"weigh_{name}.w"],
    ]  # fmt: skip
    return nodes, edges


def _fusion(trunk: str, skip: str, doc: str) -> dict[str, Any]:
    """The definition for streams of these shapes; `channels` of the trunk, `skip_channels` of the skip."""
    kind = "map" if "H" in trunk else "tokens"
    nodes_d, edges_d = _stream("d", "s")
    nodes_s, edges_s = _stream("s", "phi_d.out")
    return {
        "doc": doc,
        "reference": "Huang et al. 2023, arXiv:2310.13545; Karras et al. 2024, arXiv:2312.02696",
        "parameters": {
            "channels": {"type": "int", "help": "channels of the trunk"},
            "skip_channels": {"type": "int", "help": "channels of the skip"},
            **_SOCKETS,
        },
        "inputs": [
            {"name": "d", "role": kind, "shape": trunk, "help": "the trunk"},
            {"name": "s", "role": "skip" if kind == "map" else kind, "shape": skip, "help": "the skip"},
            *_CONDITIONS,
            {
                "name": "reference",
                "role": "skip" if kind == "map" else kind,
                "shape": skip,
                "optional": True,
                "help": "the skip of a reference run",
            },
            {
                "name": "control",
                "role": "control" if kind == "map" else kind,
                "shape": skip,
                "optional": True,
                "help": "what a ControlNet or an adapter adds to this skip",
            },
        ],
        "outputs": [{"name": "y", "role": kind, "from": ["fuse", "out"]}],
        "nodes": {
            **nodes_d,
            **nodes_s,
            "drop": {"call": "SkipDropout", "params": {"p": "dropout"}, "when": "dropout > 0"},
            "fuse": {"call": "=fuse", "params": {"out_channels": "channels", "out_features": "channels"}},
        },
        "edges": [
            *edges_d, *edges_s, ["reference", "phi_s.reference"], ["control", "phi_s.control"],
            ["weigh_s.out", "drop.x"],
            ["weigh_d.out", "fuse.a"], ["drop.out", "fuse.b"], ["w_d.out", "fuse.w_a"], ["w_s.out", "fuse.w_b"],
            ["c", "fuse.c"],
        ],
    }  # fmt: skip


COMPOSITES = (
    Composite(
        name="SkipFusion",
        family="Fusion",
        title="Skip fusion",
        article="5.1",
        definition=_fusion(
            "B channels H W",
            "B skip_channels H W",
            "Where an encoder skip s meets the decoder's trunk d: each is transformed and weighted, then both are fused.",
        ),
    ),
    Composite(
        name="TokenSkipFusion",
        family="Fusion",
        title="Skip fusion of tokens",
        article="2.4.3, 5.1",
        definition=_fusion(
            "B N channels",
            "B N skip_channels",
            "Where a long skip s meets the trunk d of a transformer: each is transformed and weighted, then both are fused.",
        ),
    ),
)
