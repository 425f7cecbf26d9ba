"""The small network that brings a hint, such as edges or depth, to the size of the latent."""

from designer.presets.graph import Graph, Json, definition, integer, integers, port
from designer.presets.latent_parts import IN, OUT, Parts
from designer.presets.residual_block import activation

CONTROLNET = "Zhang et al. 2023, arXiv:2302.05543"


def hint_encoder(parts: Parts, last: str = "ZeroConv") -> str:
    """Return the name of the small network that brings the hint to the size of the latent."""
    return parts.have("HintEncoder", lambda: _hint_encoder(parts, last))


def _hint_encoder(parts: Parts, last: str) -> Json:
    graph = Graph()
    graph.call("conv_in", "Conv2d", {"out_channels": "hint_channels[0]"}, x="hint")
    act = activation(graph, "act_in", "SiLU", "conv_in.out")
    stage = parts.have("HintStage", _hint_stage)
    wide = {"in_channels": "hint_channels[i]", "out_channels": "hint_channels[i + 1]"}
    graph.call("stages", stage, wide, repeat="len(hint_channels) - 1", x=act)
    zero = {
        "in_channels": "hint_channels[-1]",
        "out_channels": "out_channels",
        "kernel_size": 3,
        "padding": 1,
    }
    why = "the hint has no effect at the start" if last == "ZeroConv" else ""
    graph.call("conv_out", last, zero, x="stages.x", help=why)
    return definition(
        "A hint such as edges or depth, halved until it has the size of the latent.",
        graph,
        [port("hint", "control", "B hint_in H W")],
        [port("x", "map", source="conv_out.out")],
        {
            "hint_in": integer("channels of the hint"),
            "hint_channels": integers("channels of the hint at each resolution"),
            **OUT,
        },
        CONTROLNET,
    )


def _hint_stage() -> Json:
    graph = Graph()
    graph.call("conv1", "Conv2d", {"out_channels": "in_channels"}, x="x")
    act = activation(graph, "act1", "SiLU", "conv1.out")
    graph.call("conv2", "Conv2d", {"out_channels": "out_channels", "stride": 2}, x=act)
    end = activation(graph, "act2", "SiLU", "conv2.out")
    return definition(
        "Convolution, then a strided one.",
        graph,
        [port("x", "map", "B in_channels H W")],
        [port("x", "map", source=end)],
        {**IN, **OUT},
        CONTROLNET,
    )
