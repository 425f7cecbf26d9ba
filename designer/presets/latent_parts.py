"""The definitions of latent U-Nets: residual block, spatial transformer, levels of encoder and decoder."""

from collections.abc import Callable
from dataclasses import dataclass, field

from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.latent_attention import (
    CONTEXT,
    CONTEXT_IN,
    GROUPS,
    HEADS,
    LDM,
    cross_attention,
    feed_forward,
    mixed_attention,
    self_attention,
)
from designer.presets.residual_block import ResidualBlock

IN = {"in_channels": integer("channels of the input")}
OUT = {"out_channels": integer("channels of the output")}
TEMB = {"temb_channels": integer("size of the time embedding")}
TEMB_IN = port("temb", "vector", "B temb_channels")


@dataclass(frozen=True)
class Style:
    """What the residual blocks of a network have in common: activation, normalisation, time conditioning."""

    act: str = "SiLU"
    eps: float = 1e-5
    dropout: float = 0.0
    modulate: bool = False  # the time embedding scales and shifts, rather than shifts
    asymmetric: bool = False  # downsampling pads right and below only
    linear_heads: bool = True  # every transformer's channels are a multiple of its heads
    factor: float = 1.0  # by which residual blocks of "mixed" and "resample" levels divide their sum
    bare_time: bool = False  # these take the time embedding without activation
    context_norm: str = (
        ""  # normalisation of the context in "mixed" attention: "", "layer_norm", "group_norm"
    )


@dataclass(frozen=True)
class Residual:
    """How a residual block departs from the plain one: rescaled sum, bare time embedding, resampling."""

    factor: float = 1.0
    time_act: bool = True
    resample: str = ""  # "down", "up"
    scaled: str = "Scaled"  # what a block with a factor is called

    @property
    def name(self) -> str:
        """The name of the definition."""
        base = {"": "ResBlock", "down": "ResDown", "up": "ResUp"}[self.resample]
        return (self.scaled if self.factor != 1 else "") + ("Direct" if not self.time_act else "") + base


@dataclass
class Parts:
    """The definitions that a network uses, each written when it is first asked for."""

    style: Style = field(default_factory=Style)
    definitions: dict[str, Json] = field(default_factory=dict)

    def have(self, name: str, write: Callable[[], Json]) -> str:
        """Return the name of a definition, written now if it is new; what it calls comes before it."""
        if name not in self.definitions:
            written = write()
            self.definitions[name] = written
        return name

    # -- residual blocks ----------------------------------------------------------------------------------

    def res_block(self, residual: Residual = Residual()) -> str:
        """Return the name of a residual block."""
        return self.have(residual.name, lambda: self._res_block(residual))

    def _res_block(self, residual: Residual) -> Json:
        style = self.style
        norm = {"num_groups": "num_groups", "eps": style.eps}
        target = {"": "", "down": "AvgPool2d", "up": "UpsampleNearest"}[residual.resample]
        graph, end = ResidualBlock(
            norm,
            norm,
            style.act,
            time="modulate" if style.modulate else "add",
            bare=not residual.time_act,
            resample=target,
            dropout=style.dropout,
            factor=1.0 if residual.factor == 1 else f"1/{residual.factor!r}",
        ).write()
        small, large = {"": ("H W", "H W"), "down": ("H W", "H//2 W//2"), "up": ("H W", "2*H 2*W")}[
            residual.resample
        ]
        return definition(
            "Residual block: normalise, activate, convolve, twice; the time embedding enters in between.",
            graph,
            [port("x", "map", f"B in_channels {small}"), TEMB_IN],
            [port("x", "map", f"B out_channels {large}", end)],
            {**IN, **OUT, **TEMB, **GROUPS},
            LDM,
        )

    # -- transformer --------------------------------------------------------------------------------------

    def transformer(self, only_cross: bool = False) -> str:
        """Return the name of a spatial transformer."""
        name = "CrossOnlyTransformer" if only_cross else "SpatialTransformer"
        return self.have(name, lambda: self._transformer(only_cross))

    def _transformer(self, only_cross: bool) -> Json:
        graph = Graph()
        width = "channels" if self.style.linear_heads else "num_heads*(channels//num_heads)"
        graph.call("norm", "GroupNorm", {"num_groups": "num_groups", "eps": 1e-6}, x="x")
        graph.call("to_tokens", "MapToTokens", x="norm.out")
        graph.call("proj_in", "Linear", {"out_features": width}, x="to_tokens.tokens")
        block = self.have(
            "CrossOnlyTransformerBlock" if only_cross else "TransformerBlock",
            lambda: self._transformer_block(only_cross),
        )
        heads = {"num_heads": "num_heads"}
        graph.call("blocks", block, heads, repeat="depth", x="proj_in.out", context="context")
        out = {"out_features": "channels", "init": "zero"}
        graph.call(
            "proj_out",
            "Linear",
            out,
            x="blocks.x",
            help="starts at 0: the transformer starts as the identity",
        )
        graph.call("to_map", "TokensToMap", tokens="proj_out.out", like="x")
        graph.call("add", "Add", a="x", b="to_map.out")
        return definition(
            "Transformer over the pixels of a map, conditioned on the context, as a residual branch.",
            graph,
            [port("x", "map", "B channels H W"), CONTEXT_IN],
            [port("x", "map", "B channels H W", "add.out")],
            {
                "channels": integer("channels of the map"),
                **CONTEXT,
                **HEADS,
                "depth": integer("transformer blocks", 1, 0),
                **GROUPS,
            },
            LDM,
        )

    def _transformer_block(self, only_cross: bool) -> Json:
        graph = Graph()
        cross = self.have("CrossAttentionLayer", cross_attention)
        heads = {"num_heads": "num_heads"}
        graph.call("norm1", "LayerNorm", {"eps": 1e-5}, x="x")
        if only_cross:
            graph.call("attn1", cross, heads, x="norm1.out", context="context")
        else:
            graph.call("attn1", self.have("SelfAttentionLayer", self_attention), heads, x="norm1.out")
        graph.call("add1", "Add", a="x", b="attn1.x")
        graph.call("norm2", "LayerNorm", {"eps": 1e-5}, x="add1.out")
        graph.call("attn2", cross, heads, x="norm2.out", context="context")
        graph.call("add2", "Add", a="add1.out", b="attn2.x")
        graph.call("norm3", "LayerNorm", {"eps": 1e-5}, x="add2.out")
        graph.call(
            "ff", self.have("FeedForward", feed_forward), {"ff_hidden": "4*hidden_size"}, x="norm3.out"
        )
        graph.call("add3", "Add", a="add2.out", b="ff.x")
        first = "cross-attention" if only_cross else "self-attention"
        return definition(
            f"Transformer block: {first}, cross-attention to the context, feed-forward, each normalised first.",
            graph,
            [port("x", "tokens", "B M hidden_size"), CONTEXT_IN],
            [port("x", "tokens", "B M hidden_size", "add3.out")],
            {"hidden_size": integer("features of a token"), **CONTEXT, **HEADS},
            LDM,
        )

    # -- attention over pixels and context together -------------------------------------------------------

    def mixed(self, only_cross: bool) -> str:
        """Return the name of the attention of "mixed" levels."""
        name = "ContextAttention" if only_cross else "MixedAttention"
        return self.have(name, lambda: mixed_attention(self.style.context_norm, only_cross))
