"""Whole designs of a latent U-Net and what is attached to it, or of the U-Net with inputs for that."""

from collections.abc import Mapping
from typing import Any

from designer.presets.graph import Graph, Json, definition, port
from designer.presets.latent_attached import attached_unet, side
from designer.presets.latent_control import ControlNet, controlnet_definition
from designer.presets.latent_hint import CONTROLNET
from designer.presets.latent_parts import Parts
from designer.presets.latent_writer import LatentUNet, Writer, document
from designer.presets.t2i_adapter import T2I, adapter_parts

UNET_DOC = "Predicts the noise of a noisy latent at timestep t for a text; residuals from outside join it."


def controlled_unet(
    network: LatentUNet, control: ControlNet, name: str, training: Mapping[str, Any] | None = None
) -> Json:
    """Return the document of a U-Net and its ControlNet, joined level by level."""
    parts = Parts(network.style)
    unet = attached_unet(Writer(network, parts), UNET_DOC, control=True)
    branch = controlnet_definition(Writer(control.network, parts), control, CONTROLNET, joined=False)
    graph = Graph()
    shared = {one["name"]: one for one in branch["inputs"]}
    graph.call("control", "ControlNet", _same(branch["parameters"]), **{name: name for name in shared})
    ends = {one["name"]: f"control.{one['name']}" for one in branch["outputs"]}
    sources = {one["name"]: ends.get(one["name"], one["name"]) for one in unet["inputs"]}
    graph.call("unet", "UNet", _same(unet["parameters"]), **sources)
    main = definition(
        "A U-Net steered by a hint: a ControlNet beside it adds residuals to its skips and its middle.",
        graph,
        list(shared.values()),
        [port("out", "prediction", "B out_channels H W", "unet.out")],
        {**unet["parameters"], **branch["parameters"]},
        CONTROLNET,
    )
    definitions = {**parts.definitions, "ControlNet": branch, "UNet": unet, "ControlledUNet": main}
    return document(name, "ControlledUNet", definitions, training)


def unet_with_control_inputs(
    network: LatentUNet, name: str, training: Mapping[str, Any] | None = None
) -> Json:
    """Return the document of a U-Net whose inputs are the residuals of a ControlNet, each by its own name."""
    parts = Parts(network.style)
    unet = attached_unet(Writer(network, parts), UNET_DOC, control=True)
    graph = Graph()
    inputs, sources = [], {}
    number = 0
    for one in unet["inputs"]:
        if not one.get("stack"):
            inputs.append(one)
            sources[one["name"]] = one["name"]
            continue
        index = int(one["name"].removeprefix("control_"))
        names = []
        for item in range(network.down[index].blocks + 1):
            channels = f"channels[{index if item else max(index - 1, 0)}]"
            shape = f"B {channels} {side('H', index)} {side('W', index)}"
            names.append(f"control_{number}")
            inputs.append(port(names[-1], "control", shape, help=f"residual for a skip of level {index}"))
            number += 1
        sources[one["name"]] = _packed(graph, index, names)
    graph.call("unet", "UNet", _same(unet["parameters"]), **sources)
    main = definition(
        "A U-Net that takes the residuals of a ControlNet as inputs, in the order of the encoder.",
        graph,
        inputs,
        [port("out", "prediction", "B out_channels H W", "unet.out")],
        unet["parameters"],
        CONTROLNET,
    )
    return document(
        name, "UNetWithControl", {**parts.definitions, "UNet": unet, "UNetWithControl": main}, training
    )


def _packed(graph: Graph, index: int, names: list[str]) -> str:
    """Put tensors into one stack; return its endpoint."""
    stack, last = names[0], len(names) - 1
    for position, name in enumerate(names[1:], 1):
        node = f"residuals_{index}" if position == last else f"residuals_{index}_to_{position}"
        if position == 1:
            stack = graph.call(node, "Pair", a=stack, b=name) + ".out"
        else:
            stack = graph.call(node, "PushLast", stack=stack, last=name) + ".out"
    return stack


def unet_with_adapter_inputs(
    network: LatentUNet, name: str, training: Mapping[str, Any] | None = None
) -> Json:
    """Return the document of a U-Net whose inputs are the maps of a T2I-Adapter, one for each level."""
    writer = Writer(network)
    main = attached_unet(writer, UNET_DOC, adapter=True)
    return document(name, "UNet", {**writer.parts.definitions, "UNet": main}, training)


def adapted_unet(
    network: LatentUNet,
    num_blocks: int,
    factor: int,
    name: str,
    training: Mapping[str, Any] | None = None,
    hint_in: int = 3,
) -> Json:
    """Return the document of a U-Net and its T2I-Adapter, joined level by level."""
    parts = Parts(network.style)
    unet = attached_unet(Writer(network, parts), UNET_DOC, adapter=True)
    branch, levels = adapter_parts(network.channels, num_blocks, factor, hint_in)
    graph = Graph()
    values = {**_same(branch["parameters"]), "in_channels": "hint_in", "num_blocks": "adapter_blocks"}
    graph.call("adapter", "T2IAdapter", values, x="hint")
    plain = [one for one in unet["inputs"] if not one["name"].startswith("adapter_")]
    sources = {one["name"]: one["name"] for one in plain}
    sources |= {f"adapter_{index}": f"adapter.feature_{index}" for index in range(len(network.channels))}
    graph.call("unet", "UNet", _same(unet["parameters"]), **sources)
    own = branch["parameters"]
    parameters = {
        **unet["parameters"],
        "hint_in": own["in_channels"],
        "adapter_blocks": own["num_blocks"],
        "downscale_factor": own["downscale_factor"],
    }
    hint = port("hint", "control", f"B hint_in {factor}*H {factor}*W", help="control map such as a sketch")
    main = definition(
        "A U-Net steered by a control map: a T2I-Adapter adds a map to each level of its encoder.",
        graph,
        [*plain, hint],
        [port("out", "prediction", "B out_channels H W", "unet.out")],
        parameters,
        T2I,
    )
    definitions = {**levels, "T2IAdapter": branch, **parts.definitions, "UNet": unet, "AdaptedUNet": main}
    return document(name, "AdaptedUNet", definitions, training)


def _same(parameters: Mapping[str, Json]) -> dict[str, str]:
    """Every parameter passed on under its own name."""
    return {name: f"={name}" if one["type"] == "block" else name for name, one in parameters.items()}
