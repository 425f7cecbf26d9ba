"""The latent U-Net of Stable Diffusion as one parametrised design, alone or with inputs for control and adapters."""

from collections.abc import Mapping
from typing import Any

from designer.presets.graph import Json, definition, port
from designer.presets.latent_attention import LDM
from designer.presets.latent_levels import PLAIN, Route
from designer.presets.latent_writer import LatentUNet, Writer, conv, document
from designer.presets.residual_block import activation


def unet(
    network: LatentUNet,
    name: str,
    doc: str,
    reference: str = LDM,
    training: Mapping[str, Any] | None = None,
    route: Route = PLAIN,
) -> Json:
    """Return the document of a latent U-Net whose skips take the `route`."""
    writer = Writer(network)
    main = unet_definition(writer, doc, reference, route)
    return document(name, "UNet", {**writer.parts.definitions, "UNet": main}, training)


def unet_definition(writer: Writer, doc: str, reference: str, route: Route = PLAIN) -> Json:
    """Return the main definition of a latent U-Net; the parts that it calls are the writer's."""
    temb = writer.embedding()
    trunk = writer.middle(writer.encoder(writer.conv_in(), temb), temb)
    trunk = finish(writer, writer.decoder(trunk, temb, route))
    output = port("out", "prediction", "B out_channels H W", trunk)
    return definition(doc, writer.graph, writer.inputs(), [output], writer.values.parameters, reference)


def finish(writer: Writer, trunk: str) -> str:
    """Add the last normalisation, activation and convolution; return the endpoint of the prediction."""
    graph, network = writer.graph, writer.network
    graph.call("norm_out", "GroupNorm", {"num_groups": "num_groups", "eps": network.style.eps}, x=trunk)
    act = activation(graph, "act_out", network.style.act, "norm_out.out")
    last = {**conv("out_channels", network.kernels[1]), "init": "zero"}
    return graph.call("conv_out", "Conv2d", last, x=act) + ".out"
