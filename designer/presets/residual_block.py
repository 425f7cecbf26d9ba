"""The residual block of convolutional networks: normalise, activate, convolve, twice, beside a shortcut."""

from dataclasses import dataclass, field

from designer.presets.graph import Graph, Json


def activation(graph: Graph, node: str, act: str, source: str) -> str:
    """Add an activation; return its endpoint."""
    params = {"approximate": "none"} if act == "GELU" else {}
    return graph.call(node, act, params, x=source) + ".out"


WHY = "starts at 0, so that the block starts as its shortcut (article section 9)"


@dataclass(frozen=True)
class ResidualBlock:
    """What residual blocks differ in; strings are expressions of the parameters of the definition.

    `norm1` and `norm2` are the parameters of the normalisations. `time` says how the input temb enters between
    the convolutions: "add", "modulate", or "" for not at all; activated first unless it comes `bare`. Both
    branches pass `resample`, the name of a block or socket, if there is one. `start` are the parameters of
    layers that say how their weights start, but for the last convolution, which starts at 0.
    """

    norm1: Json
    norm2: Json
    act: str = "SiLU"
    time: str = "add"
    bare: bool = False
    resample: str = ""
    dropout: float | str = 0.0
    start: Json = field(default_factory=dict)
    shortcut: str = "in_channels != out_channels"
    factor: float | str = 1.0

    def write(self) -> tuple[Graph, str]:
        """Return the graph of the block on input x, and the endpoint of its output."""
        graph, trunk, out = Graph(), "x", {"out_channels": "out_channels"}
        graph.call("norm1", "GroupNorm", self.norm1, x="x")
        h = activation(graph, "act1", self.act, "norm1.out")
        if self.resample:
            h = graph.call("resample", self.resample, x=h) + ".out"
            trunk = graph.call("resample_skip", self.resample, x="x") + ".out"
        graph.call("conv1", "Conv2d", {**out, **self.start}, x=h)
        h = activation(graph, "act2", self.act, self._conditioned(graph))
        if self.dropout:
            h = graph.call("dropout", "Dropout", {"p": self.dropout}, x=h) + ".out"
        graph.call("conv2", "Conv2d", {**out, "init": "zero"}, x=h, help=WHY)
        one = {**out, "kernel_size": 1, "padding": 0, **self.start}
        graph.call("shortcut", "Conv2d", one, when=self.shortcut, x=trunk)
        end = graph.call("add", "Add", a="shortcut.out", b="conv2.out") + ".out"
        return graph, self._scaled(graph, end)

    def _conditioned(self, graph: Graph) -> str:
        """Add the time embedding and the second normalisation; return the endpoint."""
        if not self.time:
            return graph.call("norm2", "GroupNorm", self.norm2, x="conv1.out") + ".out"
        temb = "temb" if self.bare else activation(graph, "temb_act", self.act, "temb")
        width = "2*out_channels" if self.time == "modulate" else "out_channels"
        graph.call("temb_proj", "Linear", {"out_features": width, **self.start}, x=temb)
        if self.time == "modulate":
            graph.call("norm2", "GroupNorm", self.norm2, x="conv1.out")
            return graph.call("modulate", "ModulateMap", x="norm2.out", embedding="temb_proj.out") + ".out"
        graph.call("add_temb", "AddEmbedding", x="conv1.out", embedding="temb_proj.out")
        return graph.call("norm2", "GroupNorm", self.norm2, x="add_temb.out") + ".out"

    def _scaled(self, graph: Graph, end: str) -> str:
        """Add the factor of the sum, if any; return the endpoint."""
        if self.factor == 1.0:
            return end
        return graph.call("rescale", "Scale", {"factor": self.factor}, x=end) + ".out"
