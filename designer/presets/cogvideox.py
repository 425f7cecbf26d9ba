"""CogVideoX (Yang et al. 2024): one transformer over text and video tokens, each modulated by its own expert."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from designer.presets import Preset
from designer.presets.attention_parts import feed_forward
from designer.presets.graph import Graph, Json, definition, integer, integers, port
from designer.presets.rotary_attention import BIAS, HEADS, HIDDEN, ROTATION, TOKENS, rotary_attention
from designer.presets.video_parts import training

REFERENCE = "Yang et al. 2024, arXiv:2408.06072"

Positions = Literal["sincos", "rotary"]
ACTIVATIONS: dict[str, Json] = {
    "silu": {"call": "SiLU"},
    "swish": {"call": "SiLU"},
    "gelu": {"call": "GELU", "params": {"approximate": "none"}},
    "mish": {"call": "Mish"},
    "relu": {"call": "ReLU"},
}
_CONTEXT = port("context", "context", "B M hidden_size")
_C = port("c", "vector", "B cond_size")
_COND = integer("size of the condition")
_BLOCK: dict[str, Json] = {
    "num_heads": HEADS,
    "mlp_hidden": integer("hidden features of the MLP"),
    "qkv_bias": BIAS,
    "norm_affine": {"type": "bool", "default": True, "help": "learned gain and bias in the normalisations"},
    "norm_eps": {"type": "float", "default": 1e-5, "min": 0, "help": "added to the variance by the normalisations"},
    "dropout": {"type": "float", "default": 0.0, "min": 0, "max": 0.99, "help": "dropout of tokens and in the MLP"},
}  # fmt: skip


def _norm(graph: Graph, node: str, end: str, instance: str = "") -> str:
    """Add a LayerNorm; nodes of one instance share its weights."""
    params = {"eps": "norm_eps", "elementwise_affine": "norm_affine"}
    graph.call(node, "LayerNorm", params, x=end)
    if instance:
        graph.nodes[node]["instance"] = instance
    return f"{node}.out"


def _expert_norm(shared: list[str]) -> Json:
    """Return the norm of both streams, each modulated by vectors of its own; it puts out their gates too."""
    graph = Graph()
    graph.call("adaln", "ExpertAdaLN", {"hidden_size": "hidden_size"}, c="c")
    ends = {}
    for stream, prefix in (("x", ""), ("context", "context_")):
        normed = _norm(graph, f"{prefix}norm", stream, "norm")
        shift, scale = f"adaln.{prefix}shift", f"adaln.{prefix}scale"
        ends[stream] = (
            graph.call(f"{prefix}modulate", "Modulate", x=normed, shift=shift, scale=scale) + ".out"
        )
    graph.call("join", "ConcatTokens", a=ends["context"], b=ends["x"])
    return definition(
        "Text and video tokens normalised, modulated each in its own way, and joined; and the gates of both.",
        graph,
        [TOKENS, _CONTEXT, _C],
        [
            port("tokens", "tokens", "B M+N hidden_size", "join.out"),
            port("gate", "vector", "B hidden_size", "adaln.gate"),
            port("context_gate", "vector", "B hidden_size", "adaln.context_gate"),
        ],
        {
            "hidden_size": HIDDEN,
            "cond_size": _COND,
            **{name: _BLOCK[name] for name in shared if name in ("norm_affine", "norm_eps")},
        },
        f"{REFERENCE}, section 2.2",
    )


def _branch(graph: Graph, ends: dict[str, str], name: str, target: str, **call: Any) -> dict[str, str]:
    """Add a residual branch over both streams: modulate each, join, compute, part, gate each; return the ends."""
    norm = {"norm_affine": "norm_affine", "norm_eps": "norm_eps"}
    graph.call(f"norm_{name}", "ExpertNorm", norm, **ends, c="c")
    graph.call(name, target, x=f"norm_{name}.tokens", **call)
    graph.call(f"part_{name}", "SplitTokens", x=f"{name}.x", like=ends["context"])
    found = {}
    for stream, part, prefix in (("x", "rest", ""), ("context", "first", "context_")):
        gate = f"norm_{name}.{prefix}gate"
        gated = graph.call(f"{prefix}gate_{name}", "GateTokens", x=f"part_{name}.{part}", gate=gate)
        found[stream] = graph.call(f"{prefix}add_{name}", "Add", a=ends[stream], b=f"{gated}.out") + ".out"
    return found


def _block(rotary: bool, shared: list[str]) -> Json:
    graph = Graph()
    heads = {
        "num_heads": "num_heads",
        "qkv_bias": "qkv_bias",
        **({"rotation": "=rotation"} if rotary else {}),
    }
    turn = {"cos": "cos", "sin": "sin"} if rotary else {}
    ends = {"x": "x", "context": "context"}
    ends = _branch(graph, ends, "attn", "Attention", params=heads, **turn)
    mlp = {name: name for name in shared if name in ("mlp_hidden", "dropout")}
    ends = _branch(graph, ends, "mlp", "Mlp", params=mlp)
    return definition(
        "Attention over text and video tokens together, then an MLP; norms and gates are experts of each stream.",
        graph,
        [TOKENS, _CONTEXT, _C, *([port(name, "rotary", "S pairs") for name in ("cos", "sin")] if rotary else [])],
        [port("x", "tokens", "B N hidden_size", ends["x"]), port("context", "context", "B M hidden_size", ends["context"])],
        {
            "hidden_size": HIDDEN,
            "cond_size": _COND,
            **{name: _BLOCK[name] for name in shared},
            **({"rotation": ROTATION} if rotary else {}),
        },
        REFERENCE,
    )  # fmt: skip


def _final(shared: list[str]) -> Json:
    graph = Graph()
    end = _norm(graph, "norm_final", "x")
    end = _norm(graph, "norm", end)
    graph.call("adaln", "AdaLNModulation", {"hidden_size": "hidden_size"}, c="c")
    graph.call("modulate", "Modulate", x=end, shift="adaln.shift", scale="adaln.scale")
    graph.call("proj", "Linear", {"out_features": "patch_features", "init": "zero"}, x="modulate.out")
    return definition(
        "Two normalisations, the second modulated, and the projection of each token to its patch, zero at start.",
        graph,
        [TOKENS, _C],
        [port("patches", "tokens", "B N patch_features", "proj.out")],
        {
            "hidden_size": HIDDEN,
            "cond_size": _COND,
            "patch_features": integer("numbers in a patch"),
            **{name: _BLOCK[name] for name in shared if name in ("norm_affine", "norm_eps")},
        },
        REFERENCE,
    )


def number_embedder(activation: str, cos_first: bool, frequency_shift: int) -> Json:
    """Return the definition that embeds a number of each sample, such as the timestep: sinusoids, then an MLP."""
    graph = Graph()
    waves = {"dim": "frequency_size", "cos_first": cos_first, "frequency_shift": frequency_shift}
    graph.call("embed", "TimestepEmbedding", waves, t="t")
    linear = {"out_features": "cond_size", "init": "normal_0.02"}
    graph.call("fc1", "Linear", linear, x="embed.out")
    graph.nodes["act"] = ACTIVATIONS[activation]
    graph.call("fc2", "Linear", linear, x="act.out")
    graph.edges.append(["fc1.out", "act.x"])
    return definition(
        "A number of each sample as a vector: sinusoids, then an MLP.",
        graph,
        [port("t", "timestep", "B")],
        [port("c", "vector", "B cond_size", "fc2.out")],
        {"frequency_size": integer("size of the sinusoidal embedding"), "cond_size": _COND},
        REFERENCE,
    )


_PARAMETERS: dict[str, Json] = {
    "patch_size": integers("frames, rows and columns of a patch", (1, 2, 2)),
    "patch_bias": {"type": "bool", "default": True, "help": "learned constants in the patch embedding"},
    "in_channels": integer("channels of the video", 16),
    "out_channels": integer("channels of the prediction", 16),
    "hidden_size": integer("features of a token", 1920, 2),
    "depth": integer("blocks", 30, 0, 1000),
    "cond_size": integer("size of the condition", 512),
    "text_size": integer("features of a text token", 4096),
}
_POSITIONS: dict[str, dict[str, Json]] = {
    "sincos": {
        "spatial_scale": {"type": "float", "default": 1.875, "min": 1e-6, "help": "divides rows and columns of the positions"},
        "temporal_scale": {"type": "float", "default": 1.0, "min": 1e-6, "help": "divides frames of the positions"},
    },
    "rotary": {
        "rope_axes": integers("features of a head rotated by frame, row and column", (16, 24, 24)),
        "max_length": integer("most patches along one axis", 256),
        "rotation": ROTATION,
    },
}  # fmt: skip


class _Main:
    """The main definition in the making: embeddings, positions, blocks, prediction."""

    def __init__(
        self, positions: Positions, shared: list[str], offset: bool, table: tuple[int, ...] | None
    ) -> None:
        self.positions, self.shared, self.offset, self.table = positions, shared, offset, table
        self.graph = Graph()

    def build(self) -> Json:
        graph = self.graph
        graph.call("video", "SwapFrames", help="channels before frames", x="x")
        embed = {"hidden_size": "hidden_size", "patch_size": "patch_size", "bias": "patch_bias"}
        graph.call("patch_embed", "PatchEmbed3D", embed, x="video.out")
        graph.call(
            "text_embed", "Linear", {"out_features": "hidden_size", "init": "normal_0.02"}, x="context"
        )
        ends = self._dropped(self._placed({"x": "patch_embed.tokens", "context": "text_embed.out"}))
        condition = self._condition()
        more = self._rotary(ends["context"])
        params = {name: name for name in self.shared} | ({"rotation": "=rotation"} if more else {})
        graph.call("blocks", "CogVideoXBlock", params, repeat="depth", **ends, c=condition, **more)
        features = {"patch_features": "patch_size[0]*patch_size[1]*patch_size[2]*out_channels"}
        features |= {name: name for name in ("norm_affine", "norm_eps")}
        graph.call("final_layer", "FinalLayer", features, x="blocks.x", c=condition)
        out = {"out_channels": "out_channels", "patch_size": "patch_size"}
        graph.call("unpatchify", "Unpatchify3D", out, tokens="final_layer.patches", like="video.out")
        graph.call("frames", "SwapFrames", help="frames before channels", x="unpatchify.out")
        _, frames, height, width = self._sizes()
        output = port("out", "prediction", f"B {frames} out_channels {height} {width}", "frames.out")
        doc = "Text-to-video transformer: predicts the velocity of a noisy latent video at timestep t for a text."
        return definition(doc, graph, self._inputs(), [output], self._parameters(), REFERENCE)

    def _parameters(self) -> dict[str, Json]:
        offset = integer("size of the embedding of the offset", 512)
        return {
            **_PARAMETERS,
            **_POSITIONS[self.positions],
            **{name: _BLOCK[name] for name in self.shared},
            **({"offset_size": offset} if self.offset else {}),
        }

    def _sizes(self) -> tuple[int | str, ...]:
        """Text tokens, frames, height and width: free, unless the table fixes them."""
        return self.table or ("M", "T", "H", "W")

    def _inputs(self) -> list[Json]:
        length, frames, height, width = self._sizes()
        return [
            port(
                "x",
                "video",
                f"B {frames} in_channels {height} {width}",
                help="noisy latent video, frames first",
            ),
            port("context", "context", f"B {length} text_size", help="text tokens"),
            port("t", "timestep", "B", help="timestep, 0 … 999"),
            *([port("offset", "size", "B", help="offset of the first frame")] if self.offset else []),
            *([self._rotations()] if self.table else []),
        ]

    def _rotations(self) -> Json:
        """The input of the cosines and sines, for networks whose table fixes the size of the video."""
        _, frames, height, width = self.table or (0, 0, 0, 0)
        places = f"({frames}//patch_size[0])*({height}//patch_size[1])*({width}//patch_size[2])"
        shape = f"{places} hidden_size//num_heads"
        return port(
            "rotary", "rotary", shape, stack=True, help="cosines and sines of each patch, each number twice"
        )

    def _placed(self, ends: dict[str, str]) -> dict[str, str]:
        """Add positions to the tokens: fixed ones to the video, or a learned table to both streams."""
        graph = self.graph
        if self.table is not None:
            length, frames, height, width = self.table
            graph.call("join", "ConcatTokens", a=ends["context"], b=ends["x"])
            places = (
                f"{length} + ({frames}//patch_size[0])*({height}//patch_size[1])*({width}//patch_size[2])"
            )
            graph.call("position", "LearnedPosition", {"length": places}, x="join.out")
            graph.call("part", "SplitTokens", x="position.out", like=ends["context"])
            return {"x": "part.rest", "context": "part.first"}
        if self.positions == "sincos":
            scales = {
                "patch_size": "patch_size",
                "spatial_scale": "spatial_scale",
                "temporal_scale": "temporal_scale",
            }
            end = graph.call("position", "SinCosPosition3D", scales, tokens=ends["x"], like="video.out")
            return {**ends, "x": f"{end}.out"}
        return ends

    def _dropped(self, ends: dict[str, str]) -> dict[str, str]:
        if "dropout" not in self.shared:
            return ends
        drop = {"x": "dropout", "context": "text_dropout"}
        return {
            name: self.graph.call(drop[name], "Dropout", {"p": "dropout"}, x=end) + ".out"
            for name, end in ends.items()
        }

    def _condition(self) -> str:
        graph = self.graph
        graph.call(
            "t_embedder", "NumberEmbedder", {"frequency_size": "hidden_size", "cond_size": "cond_size"}, t="t"
        )
        if not self.offset:
            return "t_embedder.c"
        sizes = {"frequency_size": "offset_size", "cond_size": "offset_size"}
        graph.call("offset_embedder", "NumberEmbedder", sizes, t="offset")
        return graph.call("condition", "Add", a="t_embedder.c", b="offset_embedder.c") + ".out"

    def _rotary(self, context: str) -> dict[str, str]:
        if self.positions != "rotary":
            return {}
        if self.table is not None:
            turn = self.graph.call("rope", "RotaryPair", pair="rotary")
        else:
            rope = {"axes": "rope_axes", "patch_size": "patch_size", "max_length": "max_length"}
            turn = self.graph.call("rope", "RotaryPosition3D", rope, like="video.out")
        self.graph.call("still", "RotaryPrefix", cos=f"{turn}.cos", sin=f"{turn}.sin", context=context)
        return {"cos": "still.cos", "sin": "still.sin"}


def cogvideox(
    values: Mapping[str, Any],
    positions: Positions = "sincos",
    activation: str = "gelu-approximate",
    embedder: Mapping[str, Any] | None = None,
    offset: bool = False,
    table: tuple[int, ...] | None = None,
    size: tuple[int, ...] = (13, 60, 90),
) -> dict[str, Any]:
    """Return the document of a CogVideoX.

    `embedder`: activation, cos_first and frequency_shift of the timestep embedding; `offset`: a second number
    is a condition; `table`: text tokens, frames, height and width for which positions are a learned table, the
    rotations being an input.
    """
    dropout = values.get("dropout", 0.0) > 0
    shared = [name for name in _BLOCK if dropout or name != "dropout"]
    rotary = positions == "rotary"
    waves = {"activation": "silu", "cos_first": True, "frequency_shift": 0, **(embedder or {})}
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": "CogVideoX",
        "parameters": dict(values),
        "main": "CogVideoX",
        "training": training(
            values["in_channels"], values["out_channels"], size, frames_first=True, prediction="v", schedule="linear"
        ),
        "definitions": {
            "CogVideoX": _Main(positions, shared, offset, table).build(),
            "CogVideoXBlock": _block(rotary, shared),
            "ExpertNorm": _expert_norm(shared),
            "Attention": rotary_attention("LayerNorm", across_heads=False, rotary="=rotation" if rotary else "", reference=REFERENCE),
            "Mlp": feed_forward(activation, dropout),
            "NumberEmbedder": number_embedder(**waves),
            "FinalLayer": _final(shared),
        },
    }  # fmt: skip


_2B: dict[str, Any] = {
    "patch_size": [1, 2, 2], "in_channels": 16, "out_channels": 16, "hidden_size": 1920, "depth": 30, "num_heads": 30,
    "mlp_hidden": 7680, "cond_size": 512, "text_size": 4096, "patch_bias": True, "qkv_bias": True, "norm_affine": True,
    "norm_eps": 1e-5,
}  # fmt: skip
_SINCOS = {"spatial_scale": 1.875, "temporal_scale": 1.0}
_ROTARY = {"rope_axes": [16, 24, 24], "max_length": 256, "rotation": "ApplyRotary"}
_5B = {**_2B, **_ROTARY, "hidden_size": 3072, "depth": 42, "num_heads": 48, "mlp_hidden": 12288}
_TINY = {**_2B, **_SINCOS, "in_channels": 2, "out_channels": 2, "hidden_size": 48, "depth": 2, "num_heads": 3, "mlp_hidden": 192, "cond_size": 32, "text_size": 32}  # fmt: skip

PRESETS = (
    Preset(
        id="cogvideox-tiny",
        family="cogvideox",
        title="CogVideoX, tiny (4 frames, 16×16)",
        summary="A CogVideoX of depth 2 and width 48, for tests and first steps.",
        reference=REFERENCE,
        document=partial(cogvideox, _TINY, size=(4, 16, 16)),
    ),
    Preset(
        id="cogvideox-2b",
        family="cogvideox",
        title="CogVideoX-2b text-to-video",
        summary="Depth 30, width 1920; attention over text and video together; 49 frames of 480×720 as 13 latent frames.",
        reference=REFERENCE,
        document=partial(cogvideox, {**_2B, **_SINCOS}),
        published=1_693_783_872,
    ),
    Preset(
        id="cogvideox-5b",
        family="cogvideox",
        title="CogVideoX-5b text-to-video",
        summary="Depth 42, width 3072; queries and keys are rotated by frame, row and column.",
        reference=REFERENCE,
        document=partial(cogvideox, _5B, positions="rotary"),
        published=5_570_283_072,
    ),
)
