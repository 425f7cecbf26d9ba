"""Two small networks that teach the unified operators: every choice is a socket of the network itself.

Set `fuse`, `gate_s`, … of the U-Net or `gate`, `norm_in`, … of the transformer, and every block follows.
"""

from typing import Any

from designer.library import composites, definitions

Json = dict[str, Any]

_MAP = {"name": "x", "role": "map", "shape": "B in_channels H W"}
_TEMB = {"name": "temb", "role": "vector", "shape": "B temb_channels"}
_LOG_SNR = {"name": "log_snr", "role": "log_snr", "shape": "B"}
_TRAINING = {"prediction": "epsilon", "schedule": "cosine", "timesteps": 1000, "sample_shape": [1, 16, 16]}
_FUSION = ("transform_d", "transform_s", "gate_d", "gate_s", "bound_d", "bound_s", "fuse")
_FUSION_FILLINGS = (
    "SkipFusion", "ProductGate", "ConcatProject", "SkipTuner", "FreeUBackboneByLevel", "FreeUSkipByLevel",
)  # fmt: skip
_RESIDUAL_FILLINGS = (
    "ResidualUpdate", "Attention", "GroupedAttention", "DeepNormAttention", "FeedForward", "DeepNormFeedForward",
    "SNRResidualGate",
)  # fmt: skip


def _sockets(definition: str, names: tuple[str, ...]) -> Json:
    """The declarations of these sockets, as the library has them."""
    declared = composites()[definition].definition["parameters"]
    return {name: declared[name] for name in names}


def _passed(names: tuple[str, ...]) -> Json:
    return {name: f"={name}" for name in names}


def _document(name: str, main: Json, parameters: Json, parts: Json) -> Json:
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": name,
        "parameters": parameters,
        "main": name,
        "training": _TRAINING,
        "definitions": {name: main, **parts},
    }


_RES_BLOCK: Json = {
    "doc": "Residual block: normalise, activate, convolve, twice; the time embedding is added in between.",
    "parameters": {
        "in_channels": {"type": "int", "help": "channels of the input"},
        "out_channels": {"type": "int", "help": "channels of the output"},
        "temb_channels": {"type": "int", "help": "size of the time embedding"},
    },
    "inputs": [_MAP, _TEMB],
    "outputs": [{"name": "x", "role": "map", "shape": "B out_channels H W", "from": ["add", "out"]}],
    "nodes": {
        "norm1": {"call": "GroupNorm", "params": {"num_groups": 8}},
        "act1": {"call": "SiLU"},
        "conv1": {"call": "Conv2d", "params": {"out_channels": "out_channels"}},
        "temb_proj": {"call": "Linear", "params": {"out_features": "out_channels"}},
        "add_temb": {"call": "AddEmbedding"},
        "norm2": {"call": "GroupNorm", "params": {"num_groups": 8}},
        "act2": {"call": "SiLU"},
        "conv2": {
            "call": "Conv2d",
            "params": {"out_channels": "out_channels", "init": "zero"},
            "help": "starts at 0, so that the block starts as its shortcut (article section 9)",
        },
        "shortcut": {
            "call": "Projection",
            "params": {"out_channels": "out_channels"},
            "when": "in_channels != out_channels",
        },
        "add": {"call": "Add"},
    },
    "edges": [
        ["x", "norm1.x"], ["norm1.out", "act1.x"], ["act1.out", "conv1.x"], ["conv1.out", "add_temb.x"],
        ["temb", "temb_proj.x"], ["temb_proj.out", "add_temb.embedding"], ["add_temb.out", "norm2.x"],
        ["norm2.out", "act2.x"], ["act2.out", "conv2.x"], ["x", "shortcut.x"], ["shortcut.out", "add.a"],
        ["conv2.out", "add.b"],
    ],
}  # fmt: skip


def _up_block() -> Json:
    return {
        "doc": "Fuse one encoder skip, then a residual block.",
        "parameters": {
            "in_channels": {"type": "int", "help": "channels of the trunk"},
            "skip_channels": {"type": "int", "help": "channels of the skip"},
            "out_channels": {"type": "int", "help": "channels of the output"},
            "temb_channels": {"type": "int", "help": "size of the time embedding"},
            "level": {"type": "int", "default": 1, "help": "number of the skip, 1 the shallowest"},
            **_sockets("SkipFusion", _FUSION),
            "dropout": {"type": "float", "default": 0.0, "help": "probability of dropping the skip in training"},
        },
        "inputs": [
            _MAP,
            {"name": "skip", "role": "skip", "shape": "B skip_channels H W"},
            _TEMB,
            {**_LOG_SNR, "optional": True},
        ],
        "outputs": [{"name": "x", "role": "map", "shape": "B out_channels H W", "from": ["block", "x"]}],
        "nodes": {
            "fusion": {
                "call": "SkipFusion",
                "params": {
                    **_passed(_FUSION), "level": "level", "levels": 2, "num_groups": 8, "dropout": "dropout",
                },
            },
            "block": {"call": "ResBlock", "params": {"out_channels": "out_channels"}},
        },
        "edges": [
            ["x", "fusion.d"], ["skip", "fusion.s"], ["temb", "fusion.c"], ["log_snr", "fusion.log_snr"],
            ["fusion.y", "block.x"], ["temb", "block.temb"],
        ],
    }  # fmt: skip


def fusion_unet(**choices: Any) -> Json:
    """Return a U-Net of two levels whose skips are fused as chosen; by default a plain sum."""
    up = {**_passed(_FUSION), "dropout": "dropout"}
    main = {
        "doc": "A small U-Net whose skip fusion is chosen in one place: transforms, weights, bounds, fusion.",
        "parameters": {
            "channels": {"type": "int", "default": 16, "min": 8, "help": "channels of the first level"},
            **_sockets("SkipFusion", _FUSION),
            "dropout": {"type": "float", "default": 0.0, "min": 0, "max": 0.99, "help": "skip dropout"},
        },
        "inputs": [
            {"name": "x", "role": "image", "shape": "B 1 H W", "help": "noisy image"},
            {"name": "t", "role": "timestep", "shape": "B", "help": "timestep, 0 … 999"},
        ],
        "outputs": [{"name": "eps", "role": "prediction", "shape": "B 1 H W", "from": ["conv_out", "out"]}],
        "nodes": {
            "embed": {"call": "TimestepEmbedding", "params": {"dim": "channels"}},
            "temb": {"call": "Linear", "params": {"out_features": "4*channels"}},
            "temb_act": {"call": "SiLU"},
            "noise": {"call": "LogSNRCosine"},
            "conv_in": {"call": "Conv2d", "params": {"out_channels": "channels"}},
            "block_0": {"call": "ResBlock", "params": {"out_channels": "channels"}},
            "down_0": {"call": "AvgPool2d"},
            "block_1": {"call": "ResBlock", "params": {"out_channels": "2*channels"}},
            "down_1": {"call": "AvgPool2d"},
            "middle": {"call": "ResBlock", "params": {"out_channels": "2*channels"}},
            "enlarge_1": {"call": "UpsampleNearest"},
            "up_1": {"call": "UpBlock", "params": {"out_channels": "channels", "level": 2, **up}},
            "enlarge_0": {"call": "UpsampleNearest"},
            "up_0": {"call": "UpBlock", "params": {"out_channels": "channels", "level": 1, **up}},
            "norm_out": {"call": "GroupNorm", "params": {"num_groups": 8}},
            "act_out": {"call": "SiLU"},
            "conv_out": {"call": "Conv2d", "params": {"out_channels": 1, "init": "zero"}},
        },
        "edges": [
            ["t", "embed.t"], ["embed.out", "temb.x"], ["temb.out", "temb_act.x"], ["t", "noise.t"],
            ["x", "conv_in.x"], ["conv_in.out", "block_0.x"], ["block_0.x", "down_0.x"], ["down_0.out", "block_1.x"],
            ["block_1.x", "down_1.x"], ["down_1.out", "middle.x"], ["middle.x", "enlarge_1.x"],
            ["enlarge_1.out", "up_1.x"], ["block_1.x", "up_1.skip"], ["up_1.x", "enlarge_0.x"],
            ["enlarge_0.out", "up_0.x"], ["block_0.x", "up_0.skip"],
            *(["temb_act.out", f"{node}.temb"] for node in ("block_0", "block_1", "middle", "up_1", "up_0")),
            *(["noise.log_snr", f"{node}.log_snr"] for node in ("up_1", "up_0")),
            ["up_0.x", "norm_out.x"], ["norm_out.out", "act_out.x"], ["act_out.out", "conv_out.x"],
        ],
    }  # fmt: skip
    parts = {"UpBlock": _up_block(), "ResBlock": _RES_BLOCK, **definitions(*_FUSION_FILLINGS)}
    return _document("FusionUNet", main, {"channels": 16, **choices}, parts)


_ATTENTION = (
    "norm_in", "norm_branch", "norm_out", "modulator", "modulation", "bound", "gate", "scaling", "residual",
    "qk_norm", "core", "head_gate",
)  # fmt: skip
_FEED_FORWARD = (*_ATTENTION[:9], "expand", "activation")
_DEEP = {"alpha": "(2*depth)**0.25", "gain": "(8*depth)**-0.25", "beta": "beta"}


def _transformer_sockets() -> Json:
    """The sockets of both updates; the operators of each have a name of their own."""
    names = (*_ATTENTION, "expand", "activation")
    operators = {
        "attention": {"type": "block", "default": "Attention", "help": "the operator of the first update"},
        "feed_forward": {
            "type": "block",
            "default": "FeedForward",
            "help": "the operator of the second update",
        },
    }
    return {**operators, **_sockets("ResidualUpdate", names)}


def _transformer_block() -> Json:
    tokens = {"name": "x", "role": "tokens", "shape": "B N hidden_size"}
    sizes = {"num_heads": 4, "kv_heads": 2, "patch_size": 2}
    return {
        "doc": "Transformer block: an attention update, then a feed-forward update.",
        "parameters": {
            "hidden_size": {"type": "int", "help": "features of a token"},
            "beta": {"type": "float", "default": 1.0, "help": "factor of each update where scaling is Scale"},
            **_transformer_sockets(),
        },
        "inputs": [
            tokens,
            {"name": "c", "role": "vector", "shape": "B hidden_size"},
            _LOG_SNR,
            {"name": "like", "role": "map", "shape": "B C H W"},
        ],
        "outputs": [{**tokens, "from": ["mlp", "x"]}],
        "nodes": {
            "msa": {
                "call": "ResidualUpdate",
                "params": {"operator": "=attention", **_passed(_ATTENTION), **sizes, **_DEEP},
            },
            "mlp": {
                "call": "ResidualUpdate",
                "params": {
                    "operator": "=feed_forward",
                    **_passed(_FEED_FORWARD),
                    "mlp_hidden": "4*hidden_size",
                    **_DEEP,
                },
            },
        },
        "edges": [
            ["x", "msa.x"], ["msa.x", "mlp.x"],
            *([one, f"{node}.{one}"] for node in ("msa", "mlp") for one in ("c", "log_snr", "like")),
        ],
    }  # fmt: skip


def residual_transformer(**choices: Any) -> Json:
    """Return a small diffusion transformer whose residual updates are as chosen; by default AdaLN-Zero."""
    sockets = tuple(_transformer_sockets())
    main = {
        "doc": "A small diffusion transformer whose residual update is chosen in one place.",
        "parameters": {
            "hidden_size": {"type": "int", "default": 32, "min": 4, "help": "features of a token"},
            "depth": {"type": "int", "default": 4, "min": 1, "max": 1000, "help": "blocks"},
            "beta": {"type": "float", "default": 1.0, "min": 0, "help": "factor of each update where scaling is Scale"},
            **_transformer_sockets(),
        },
        "inputs": [
            {"name": "x", "role": "image", "shape": "B 1 H W", "help": "noisy image"},
            {"name": "t", "role": "timestep", "shape": "B", "help": "timestep, 0 … 999"},
        ],
        "outputs": [{"name": "eps", "role": "prediction", "shape": "B 1 H W", "from": ["unpatchify", "out"]}],
        "nodes": {
            "embed": {"call": "TimestepEmbedding", "params": {"dim": "hidden_size"}},
            "condition": {"call": "Linear", "params": {"out_features": "hidden_size"}},
            "noise": {"call": "LogSNRCosine"},
            "patch_embed": {"call": "PatchEmbed", "params": {"hidden_size": "hidden_size", "patch_size": 2}},
            "position": {"call": "SinCosPosition", "params": {"grid_size": 16, "patch_size": 2}},
            "blocks": {"call": "Block", "repeat": "depth", "params": {**_passed(sockets), "beta": "beta"}},
            "norm": {"call": "LayerNorm"},
            "proj": {"call": "Linear", "params": {"out_features": 4, "init": "zero"}},
            "unpatchify": {"call": "Unpatchify", "params": {"out_channels": 1, "patch_size": 2}},
        },
        "edges": [
            ["t", "embed.t"], ["embed.out", "condition.x"], ["t", "noise.t"], ["x", "patch_embed.x"],
            ["patch_embed.tokens", "position.tokens"], ["x", "position.like"], ["position.out", "blocks.x"],
            ["condition.out", "blocks.c"], ["noise.log_snr", "blocks.log_snr"], ["x", "blocks.like"],
            ["blocks.x", "norm.x"], ["norm.out", "proj.x"], ["proj.out", "unpatchify.tokens"],
            ["x", "unpatchify.like"],
        ],
    }  # fmt: skip
    parts = {"Block": _transformer_block(), **definitions(*_RESIDUAL_FILLINGS)}
    return _document("ResidualTransformer", main, {"hidden_size": 32, "depth": 4, **choices}, parts)
