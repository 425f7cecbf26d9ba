"""The blocks of an autoencoder's encoder and decoder, which see no timestep: residual block, level, middle."""

from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.latent_attention import LDM
from designer.presets.pixel_parts import Parts, Style
from designer.presets.residual_block import ResidualBlock, activation

GROUPS = {"num_groups": integer("groups of the normalisations", 32)}
PASS = {"num_groups": "num_groups"}
IN_OUT = {"in_channels": integer("channels of the input"), "out_channels": integer("channels of the level")}
# The training of an autoencoder: nothing is noisy, and the image is to come out again.
CLEAN: Json = {"prediction": "x0", "schedule": "none"}
ATTENTION = {"type": "bool", "default": False, "help": "attention behind each residual block"}


class Blocks:
    """The definitions that encoder and decoder share, each written when it is first asked for."""

    def __init__(self, act: str, mid_attention: bool) -> None:
        self.act, self.mid_attention = act, mid_attention
        self.parts = Parts(Style(LDM, shared=("num_groups",)))

    def level(self, up: bool, attentive: bool) -> str:
        """Return the name of a level: blocks, then half or twice the resolution but at the last."""
        name = ("Attentive" if attentive else "") + ("DecoderLevel" if up else "EncoderLevel")
        return self.parts.have(name, lambda: self._level(up, attentive))

    def _level(self, up: bool, attentive: bool) -> Json:
        graph, switch = Graph(), "upsample" if up else "downsample"
        inner = {"out_channels": "out_channels", **PASS, **({"attention": "attention"} if attentive else {})}
        block = self.attentive_block() if attentive else self.res_block()
        graph.call("blocks", block, inner, repeat="num_blocks", x="x")
        target = "UpsampleConv" if up else "DownsampleConv"
        graph.call("up" if up else "down", target, when=switch, x="blocks.x")
        verb = "double" if up else "halve"
        return definition(
            f"One resolution: blocks, then a convolution that {verb}s it.",
            graph,
            [port("x", "map", "B in_channels H W")],
            [port("x", "map", "", "up.out" if up else "down.out")],
            {
                **IN_OUT,
                "num_blocks": integer("blocks"),
                switch: {"type": "bool", "default": True, "help": f"{verb} the resolution at the end"},
                **({"attention": ATTENTION} if attentive else {}),
                **GROUPS,
            },
            LDM,
        )

    def attentive_block(self) -> str:
        """Return the name of a residual block with attention behind it where the level has it."""
        return self.parts.have("AttentiveBlock", self._attentive_block)

    def _attentive_block(self) -> Json:
        graph = Graph()
        graph.call("res", self.res_block(), {"out_channels": "out_channels", **PASS}, x="x")
        graph.call("attn", self.parts.attention(), PASS, when="attention", x="res.x")
        return definition(
            "Residual block, then attention where the level has it.",
            graph,
            [port("x", "map", "B in_channels H W")],
            [port("x", "map", "B out_channels H W", "attn.x")],
            {**IN_OUT, "attention": ATTENTION, **GROUPS},
            LDM,
        )

    def res_block(self) -> str:
        """Return the name of the residual block."""
        return self.parts.have("ResBlock", self._res_block)

    def _res_block(self) -> Json:
        norm = {"num_groups": "num_groups", "eps": 1e-6}
        graph, end = ResidualBlock(norm, norm, self.act, time="").write()
        return definition(
            "Residual block: normalise, activate, convolve, twice.",
            graph,
            [port("x", "map", "B in_channels H W")],
            [port("x", "map", "B out_channels H W", end)],
            {**IN_OUT, **GROUPS},
            LDM,
        )

    def middle(self) -> str:
        """Return the name of the middle."""
        return self.parts.have("Middle", self._middle)

    def _middle(self) -> Json:
        graph, block = Graph(), {"out_channels": "channels", **PASS}
        end = graph.call("res1", self.res_block(), block, x="x") + ".x"
        if self.mid_attention:
            end = graph.call("attn", self.parts.attention(), PASS, x=end) + ".x"
        graph.call("res2", self.res_block(), block, x=end)
        return definition(
            "The coarsest resolution: residual block, attention, residual block."
            if self.mid_attention
            else "The coarsest resolution: two residual blocks.",
            graph,
            [port("x", "map", "B channels H W")],
            [port("x", "map", "B channels H W", "res2.x")],
            {"channels": integer("channels of the map"), **GROUPS},
            LDM,
        )

    def finish(self, graph: Graph, source: str, width: str, channels: str) -> str:
        """Add the last normalisation, activation and convolution of a map of `width`; return the endpoint."""
        norm = {"num_groups": "num_groups", "num_channels": width, "eps": 1e-6}
        graph.call("norm_out", "GroupNorm", norm, x=source)
        act = activation(graph, "act_out", "SiLU", "norm_out.out")
        return (
            graph.call("conv_out", "Conv2d", {"in_channels": width, "out_channels": channels}, x=act) + ".out"
        )
