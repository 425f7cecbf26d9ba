"""The blocks of convolutional U-Nets on pixels: residual block, self-attention, what a level repeats.

`Style` holds what all blocks of a network have in common, `Parts` writes each definition when it is first
asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.residual_block import ResidualBlock

# Parameters that the network hands down through its levels to its blocks.
SHARED: Json = {
    "num_groups": integer("groups of the normalisations", 32, 0),
    "dropout": {"type": "float", "default": 0.1, "min": 0, "max": 0.99, "help": "dropout in residual blocks"},
    "num_heads": integer("attention heads", 4),
    "head_dim": integer("channels of an attention head", 64),
    "output_scale": {"type": "float", "default": 1.0, "help": "factor of each residual sum"},
}
IN_RESIDUAL = ("num_groups", "dropout", "output_scale")
ADAPTIVE = "min({c}//4, 32)"  # groups of at least four channels

TEMB = {"temb_channels": integer("size of the time embedding")}
TEMB_IN = port("temb", "vector", "B temb_channels")


@dataclass(frozen=True)
class Style:
    """What the blocks of one network have in common.

    `shared` are the parameters that are handed down; `groups` and `attn_groups` say how many groups a
    normalisation of {c} channels has, `heads` how many heads their attention, `inner` the heads' channels.
    With `resamples`, a residual block has a socket for halving or doubling; those that `project` names
    convolve the shortcut.
    """

    reference: str
    shared: tuple[str, ...] = ("num_groups", "dropout")
    eps: float = 1e-6
    act: str = "SiLU"
    modulate: bool = False
    groups: str = "num_groups"
    attn_groups: str = "num_groups"
    heads: str = "1"
    inner: str = "channels"
    order: str = "MapHeads"
    output_scale: float | str = 1.0
    init: str = "default"
    resamples: bool = False
    project: tuple[str, ...] = ()
    skip_groups: bool = False  # attentive decoder levels of diffusers' NCSN++ count groups in their own way

    @property
    def start(self) -> Json:
        """The parameter of layers that says how their weights start."""
        return {} if self.init == "default" else {"init": self.init}


def passed(names: tuple[str, ...]) -> Json:
    """Return the parameters of a call that are handed down by their own names."""
    return {name: name for name in names}


def declared(names: tuple[str, ...]) -> Json:
    """Return the declarations of parameters that are handed down."""
    return {name: SHARED[name] for name in names}


@dataclass
class Parts:
    """The definitions that a network uses, callees before callers."""

    style: Style
    definitions: dict[str, Json] = field(default_factory=dict)

    @property
    def in_residual(self) -> tuple[str, ...]:
        """The parameters that a residual block takes."""
        return tuple(name for name in self.style.shared if name in IN_RESIDUAL)

    def to_attention(self, channels: str) -> Json:
        """Return the parameters of a call of the attention block on a map of so many channels."""
        style = self.style
        names = [name for name in ("num_groups", "output_scale") if name in style.shared]
        if "num_groups" not in style.attn_groups:
            names = [name for name in names if name != "num_groups"]
        params = passed(tuple(names))
        if style.heads != "1":
            params["num_heads"] = style.heads.format(c=channels)
        if style.inner != "channels":
            params["head_dim"] = "head_dim"
        return params

    @property
    def in_resampler(self) -> tuple[str, ...]:
        """The parameters that a block that resamples takes."""
        return self.in_residual

    def resampler(self, up: bool) -> str:
        """Return the name of the block that changes the resolution."""
        return self.res_block()

    def have(self, name: str, write: Callable[[], Json]) -> str:
        """Return the name of a definition, written now if it is new."""
        if name not in self.definitions:
            written = write()
            self.definitions[name] = written
        return name

    def norm(self, channels: str) -> Json:
        """Return the parameters of a normalisation of a residual block."""
        return {"num_groups": self.style.groups.format(c=channels), "eps": self.style.eps}

    def add(self, graph: Graph, a: str, b: str) -> str:
        """Add the residual sum with its factor; return its endpoint."""
        end = graph.call("add", "Add", a=a, b=b) + ".out"
        factor = self.style.output_scale
        if factor == 1.0:
            return end
        return graph.call("rescale", "Scale", {"factor": factor}, x=end) + ".out"

    # -- residual block -----------------------------------------------------------------------------------

    def res_block(self) -> str:
        """Return the name of the residual block."""
        return self.have("ResBlock", self._res_block)

    def _res_block(self) -> Json:
        style = self.style
        norm1 = self.norm("in_channels")
        if style.skip_groups:
            norm1["num_groups"] = f"skip_groups if skip_groups > 0 else {norm1['num_groups']}"
        projecting = f" or resample in {list(style.project)}" if style.project else ""
        graph, end = ResidualBlock(
            norm1,
            self.norm("out_channels"),
            style.act,
            time="modulate" if style.modulate else "add",
            resample="=resample" if style.resamples else "",
            dropout="dropout" if "dropout" in style.shared else 0.0,
            start=style.start,
            shortcut="in_channels != out_channels" + projecting,
            factor=style.output_scale,
        ).write()
        how = "the time embedding " + ("scales and shifts" if style.modulate else "is added") + " in between"
        return definition(
            f"Residual block: normalise, activate, convolve, twice; {how}.",
            graph,
            [port("x", "map", "B in_channels H W"), TEMB_IN],
            [port("x", "map", "" if style.resamples else "B out_channels H W", end)],
            self._res_parameters(),
            style.reference,
        )

    def _res_parameters(self) -> Json:
        """Return the parameters of the residual block."""
        found = {
            "in_channels": integer("channels of the input"),
            "out_channels": integer("channels of the output"),
            **TEMB,
            **declared(self.in_residual),
        }
        if self.style.resamples:
            found["resample"] = {
                "type": "block", "default": "Identity", "help": "halves or doubles both branches before their first convolution",
            }  # fmt: skip
        if self.style.skip_groups:
            found["skip_groups"] = integer("groups of the first normalisation; 0: as usual", 0, 0)
        return found

    # -- attention ----------------------------------------------------------------------------------------

    def attention(self, normalised: bool = True) -> str:
        """Return the name of the attention block; without normalisation it is a block of its own."""
        name = "AttentionBlock" if normalised else "BareAttentionBlock"
        return self.have(name, lambda: self._attention(normalised))

    def _attention(self, normalised: bool) -> Json:
        graph, style = Graph(), self.style
        h = "x"
        if normalised:
            groups = style.attn_groups.format(c="channels")
            h = graph.call("norm", "GroupNorm", {"num_groups": groups, "eps": style.eps}, x="x") + ".out"
        one = {"kernel_size": 1, "padding": 0}
        graph.call("qkv", "Conv2d", {"out_channels": f"3*{style.inner}", **one, **style.start}, x=h)
        graph.call(
            "heads", style.order, {"num_heads": "1" if style.heads == "1" else "num_heads"}, qkv="qkv.out"
        )
        graph.call("attend", "DotProductAttention", q="heads.q", k="heads.k", v="heads.v")
        graph.call("to_map", "TokensToMap", tokens="attend.out", like="x")
        help = "starts at 0, so that the block starts as the identity"
        channels = {"in_channels": style.inner, "out_channels": "channels"}
        graph.call("proj", "Conv2d", {**channels, **one, "init": "zero"}, x="to_map.out", help=help)
        end = self.add(graph, "x", "proj.out")
        names = list(self.to_attention("channels"))
        if not normalised:
            names = [name for name in names if name != "num_groups"]
        elif style.attn_groups == "num_groups" and "num_groups" not in names:
            names.append("num_groups")
        return definition(
            "Self-attention over pixels as a residual branch.",
            graph,
            [port("x", "map", "B channels H W")],
            [port("x", "map", "B channels H W", end)],
            {"channels": integer("channels of the map"), **declared(tuple(names))},
            style.reference,
        )

    # -- what a level repeats -----------------------------------------------------------------------------

    def block(self) -> str:
        """Return the name of the block that encoder levels repeat."""
        return self.have("UNetBlock", self._block)

    def _block(self) -> Json:
        graph = Graph()
        res = {"out_channels": "out_channels", **passed(self.in_residual)}
        graph.call("res", self.res_block(), res, x="x", temb="temb")
        graph.call("attn", self.attention(), self.to_attention("out_channels"), when="attention", x="res.x")
        return definition(
            "Residual block, then attention where the level has it.",
            graph,
            [port("x", "map", "B in_channels H W"), TEMB_IN],
            [port("x", "map", "B out_channels H W", "attn.x")],
            {
                "in_channels": integer("channels of the input"),
                "out_channels": integer("channels of the output"),
                **TEMB,
                **declared(self.style.shared),
                "attention": {
                    "type": "bool",
                    "default": False,
                    "help": "attention behind the residual block",
                },
            },
        )

    def up_block(self, late: bool = False) -> str:
        """Return the name of the block that decoder levels repeat; `late`: the level attends, not the block."""
        return self.have("UpResBlock" if late else "UpBlock", lambda: self._up_block(late))

    def _up_block(self, late: bool) -> Json:
        graph, style = Graph(), self.style
        graph.call("concat", "ConcatChannels", a="x", b="skip")
        params: dict[str, Any] = {"out_channels": "out_channels"}
        if late:
            params |= passed(self.in_residual)
            if style.skip_groups:
                params["skip_groups"] = "min(in_channels + skip_channels//4, 32) if attention else 0"
            graph.call("block", self.res_block(), params, x="concat.out", temb="temb")
        else:
            params |= {"attention": "attention", **passed(style.shared)}
            graph.call("block", self.block(), params, x="concat.out", temb="temb")
        names = self.in_residual if late else style.shared
        attention = {"type": "bool", "default": False, "help": "attention behind the residual block"}
        return definition(
            "Concatenate one encoder skip, then a " + ("residual block." if late else "U-Net block."),
            graph,
            [port("x", "map", "B in_channels H W"), port("skip", "skip", "B skip_channels H W"), TEMB_IN],
            [port("x", "map", "B out_channels H W", "block.x")],
            {
                "in_channels": integer("channels that come from below"),
                "skip_channels": integer("channels of the skip"),
                "out_channels": integer("channels of the output"),
                **TEMB,
                **declared(names),
                **({} if late and not style.skip_groups else {"attention": attention}),
            },
        )
