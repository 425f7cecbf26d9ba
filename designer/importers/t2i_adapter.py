"""Import of diffusers' T2IAdapter."""

from designer.importers import Imported, Importer, Rule
from designer.importers.config import Config
from designer.presets.t2i_adapter import adapter

KINDS = {"full_adapter": "full", "full_adapter_xl": "xl", "light_adapter": "light"}
RULES = (
    Rule(r"adapter\.conv_in\.(.*)", r"conv_in.\1"),
    Rule(r"adapter\.body\.(\d+)\.in_conv\.(.*)", r"levels.\1.conv_in.\2"),
    Rule(r"adapter\.body\.(\d+)\.out_conv\.(.*)", r"levels.\1.conv_out.\2"),
    Rule(r"adapter\.body\.(\d+)\.resnets\.(\d+)\.block([12])\.(.*)", r"levels.\1.blocks.\2.conv\3.\4"),
)


def convert(config: Config) -> Imported:
    """Return the design of an adapter."""
    kind = KINDS[config.take("adapter_type", "full_adapter", choices=tuple(KINDS))]
    channels = config.take("channels", [320, 640, 1280, 1280], minimum=1)
    if kind == "light":
        channels = [*channels, channels[-1]]  # the source adds a level of the last channels
    if kind == "xl" and any(one != channels[2] for one in channels[3:]):
        config.fail("channels", channels, "levels behind the third keep its channels in full_adapter_xl")
    document = adapter(
        kind,
        "T2IAdapter",
        tuple(channels),
        config.take("num_res_blocks", 2, minimum=1),
        config.take("downscale_factor", 8, minimum=1),
        config.take("in_channels", 3, minimum=1),
    )
    return Imported(document, RULES)


IMPORTER = Importer(source="T2IAdapter", convert=convert)
