"""SCEdit's SC-Tuner (Jiang et al. 2023): a small residual map on every skip of a frozen U-Net."""

from dataclasses import dataclass
from functools import partial

from designer.presets import Preset
from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.latent_levels import Route
from designer.presets.latent_parts import Parts
from designer.presets.latent_unet import unet
from designer.presets.latent_writer import LatentUNet
from designer.presets.residual_block import activation
from designer.presets.stable_diffusion import DOC, SD15, TINY, training
from designer.presets.stable_diffusion_xl import BASE

SCEDIT = "Jiang et al. 2023, arXiv:2312.11392"


@dataclass(frozen=True)
class TunerRoute(Route):
    """A skip that passes an SC-Tuner."""

    prefix: str = "Tuned"
    doc: str = " behind its tuner"

    def write(self, parts: Parts, graph: Graph, skip: str) -> str:
        """Put the tuner on the skip."""
        return graph.call("tuner", parts.have("SCTuner", sc_tuner), x=skip) + ".x"


def sc_tuner() -> Json:
    """Return the tuner: s + W₂ GELU(W₁ s) at each pixel, W₂ zero at the start."""
    graph = Graph()
    graph.call("fc1", "Conv2d", {"out_channels": "channels", "kernel_size": 1, "padding": 0}, x="x")
    act = activation(graph, "act", "GELU", "fc1.out")
    graph.call(
        "fc2", "ZeroConv", {"out_channels": "channels"}, x=act, help="starts at 0: the skip passes unchanged"
    )
    graph.call("add", "Add", a="x", b="fc2.out")
    return definition(
        "A residual two-layer map on each pixel of a skip.",
        graph,
        [port("x", "skip", "B channels H W")],
        [port("x", "skip", "B channels H W", "add.out")],
        {"channels": integer("channels of the skip")},
        SCEDIT,
    )


def _document(name: str, network: LatentUNet, side: int, adapting: bool = True) -> Json:
    frozen = {"frozen": ["UNet"], "trainable": ["SCTuner"]} if adapting else {}
    settings = {**training("epsilon", network.in_channels, side), **frozen}
    return unet(network, name, DOC, SCEDIT, settings, TunerRoute())


PRESETS = (
    Preset(
        id="sc-tuner-tiny",
        family="sc-tuner",
        title="SC-Tuner, tiny",
        summary="The tiny Stable Diffusion U-Net with a tuner on each skip.",
        reference=SCEDIT,
        document=partial(_document, "SC-Tuner, tiny", TINY, 16, False),
    ),
    Preset(
        id="sc-tuner-sd15",
        family="sc-tuner",
        title="SC-Tuner on Stable Diffusion 1.5",
        summary="19,680,000 parameters in tuners on the 12 skips of the published U-Net.",
        reference=SCEDIT,
        document=partial(_document, "SC-Tuner on Stable Diffusion 1.5", SD15, 64),
        published=859_520_964 + 19_680_000,
    ),
    Preset(
        id="sc-tuner-sdxl",
        family="sc-tuner",
        title="SC-Tuner on SDXL",
        summary="9,841,920 parameters in tuners on the 9 skips of the published U-Net.",
        reference=SCEDIT,
        document=partial(_document, "SC-Tuner on SDXL", BASE, 128),
        published=2_567_463_684 + 9_841_920,
    ),
)
