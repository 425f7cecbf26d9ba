"""Import of diffusers' UNet2DConditionModel."""

from designer.importers import Imported, Importer
from designer.importers.config import Config
from designer.importers.latent_conditions import (
    CLASS_KINDS,
    OPTIONAL_INT,
    optional_activation,
    read_added,
    read_class,
    read_context,
    sinusoids,
)
from designer.importers.latent_config import (
    DEFAULT_DOWN,
    DOWN_KINDS,
    NAMES,
    UP_KINDS,
    Sizes,
    kinds,
    middle_level,
    read_sizes,
    read_style,
)
from designer.importers.latent_rules import weight_rules
from designer.presets.latent_conditions import Condition, TimeEmbedding
from designer.presets.latent_labels import ContextProjection
from designer.presets.latent_parts import Style
from designer.presets.latent_training import latent_training
from designer.presets.latent_unet import unet
from designer.presets.latent_writer import LatentUNet

DEFAULT_UP = [name.replace("Down", "Up") for name in reversed(DEFAULT_DOWN)]
ADDED = ("text", "text_image", "text_time", "image", "image_hint")
DOC = "A latent U-Net with cross-attention, from the configuration of a UNet2DConditionModel."


def convert(config: Config) -> Imported:
    """Return the design of a conditional U-Net."""
    network = read(config)
    side = config.take("sample_size", None, kind=(int, list, type(None)))
    beside = sum(condition.extra_channels for condition in network.conditions)
    training = latent_training(network.in_channels - beside, network.out_channels, 64, prediction="epsilon")
    if side is not None:
        training["sample_shape"][1:] = side if isinstance(side, list) else [side, side]
    return Imported(unet(network, "UNet2DConditionModel", DOC, training=training), weight_rules(network))


def read(config: Config) -> LatentUNet:
    """Return the network that the arguments describe."""
    _refuse(config)
    sizes = read_sizes(config, "attention_head_dim")
    count = len(sizes.channels)
    down = kinds(config, "down_block_types", DEFAULT_DOWN, DOWN_KINDS, count)
    up = kinds(config, "up_block_types", DEFAULT_UP, UP_KINDS, count)[::-1]
    depths = _decoder_depths(config, sizes)
    context_dim = _context_dim(config, [*down, *up])
    context = read_context(config, context_dim)
    middle = middle_level(config, sizes, _middle_only_cross(config))
    style = _style(config, sizes)
    time = _time(config)
    network = LatentUNet(
        channels=sizes.channels,
        down=tuple(sizes.level(index, kind) for index, kind in enumerate(down)),
        up=tuple(sizes.up_level(index, kind, depths[index]) for index, kind in enumerate(up)),
        mid=middle,
        context_dim=context_dim,
        in_channels=config.take("in_channels", 4, minimum=1),
        out_channels=config.take("out_channels", 4, minimum=1),
        num_groups=config.take("norm_num_groups", 32, minimum=1),
        style=style,
        time=time,
        conditions=_conditions(config, time, style, context_dim, context),
        context=context,
        mid_factor=config.take("mid_block_scale_factor", 1.0, kind=float),
        center_input=config.take("center_input_sample", False),
        kernels=(config.take("conv_in_kernel", 3, minimum=1), config.take("conv_out_kernel", 3, minimum=1)),
        names=NAMES,
    )
    _refuse_unfit(config, network)
    return network


def _refuse_unfit(config: Config, network: LatentUNet) -> None:
    """Refuse arguments that do not fit each other."""
    last = len(network.channels) - 1
    levels = [
        *enumerate(network.down),
        *enumerate(network.up),
        *([(last, network.mid)] if network.mid else []),
    ]
    if network.context and not any(level.has_context for _, level in levels):
        config.fail("encoder_hid_dim", network.context.in_dim, "no level looks at the context")
    for index, level in levels:
        channels = network.channels[index]
        if (
            level.kind == "mixed"
            and network.style.context_norm == "layer_norm"
            and channels != network.context_dim
        ):
            why = f"a level of {channels} channels cannot normalise {network.context_dim} features"
            config.fail("cross_attention_norm", "layer_norm", why)


def _refuse(config: Config) -> None:
    """Refuse what has no counterpart, accept what changes nothing."""
    config.refuse(
        "num_attention_heads", None, "the source class refuses it; give heads by attention_head_dim"
    )
    config.refuse(
        "dual_cross_attention", False, "two transformers on parts of the context have no counterpart"
    )
    config.refuse("attention_type", "default", "grounding boxes (GLIGEN) have no counterpart")
    config.take("upcast_attention", False)  # says where half precision is left: nothing in fp32
    config.take("use_linear_projection", False)  # a linear map of pixels is a 1×1 convolution


def _decoder_depths(config: Config, sizes: Sizes) -> tuple[int | list[int], ...]:
    """The transformer blocks of the decoder, finest level first."""
    name = "reverse_transformer_layers_per_block"
    given = config.take(name, None, kind=(list, type(None)), minimum=1)
    if given is None:
        nested = [depth for depth in sizes.depths if isinstance(depth, list)]
        if nested:
            config.fail("transformer_layers_per_block", nested[0], f"a depth for each block needs {name}")
        return sizes.depths
    if len(given) != len(sizes.channels):
        config.fail(name, given, f"expected a depth for each of the {len(sizes.channels)} levels")
    return tuple(given[::-1])


def _context_dim(config: Config, kinds: list[str]) -> int:
    """The features of a token of the context; levels that look at it must agree, there being one context."""
    given = config.take("cross_attention_dim", 1280, kind=(int, list), minimum=1)
    if isinstance(given, int):
        return given
    if len(set(given)) != 1:
        config.fail("cross_attention_dim", given, "levels with contexts of different sizes are not supported")
    return int(given[0])


def _middle_only_cross(config: Config) -> bool:
    everywhere = config.take("only_cross_attention", False, kind=(bool, list))
    given = config.take("mid_block_only_cross_attention", None, kind=(bool, type(None)))
    return everywhere is True if given is None else bool(given)


def _style(config: Config, sizes: Sizes) -> Style:
    norm = config.take("cross_attention_norm", None, choices=(None, "layer_norm", "group_norm"))
    return read_style(
        config,
        sizes,
        dropout=float(config.take("dropout", 0.0, kind=float)),
        factor=config.take("resnet_out_scale_factor", 1.0, kind=float),
        bare_time=config.take("resnet_skip_time_act", False),
        context_norm=norm or "",
    )


def _time(config: Config) -> TimeEmbedding:
    fourier = config.take("time_embedding_type", "positional", choices=("positional", "fourier")) == "fourier"
    order = sinusoids(config)
    return TimeEmbedding(
        cos_first=bool(order["cos_first"]),
        frequency_shift=int(order["frequency_shift"]),
        fourier=fourier,
        width=config.take("time_embedding_dim", None, kind=OPTIONAL_INT, minimum=1),
        post_act=optional_activation(config, "timestep_post_act"),
        guidance_dim=config.take("time_cond_proj_dim", None, kind=OPTIONAL_INT, minimum=1),
        final_act=optional_activation(config, "time_embedding_act_fn"),
    )


def _conditions(
    config: Config, time: TimeEmbedding, style: Style, context_dim: int, context: ContextProjection | None
) -> tuple[Condition, ...]:
    concat = config.take("class_embeddings_concat", False)
    text_dim = context.in_dim if context else None
    found = read_class(config, time, style.act, tuple(CLASS_KINDS), concat)
    found += read_added(config, time, context_dim, text_dim, ADDED)
    if context is not None and not context.reads_text and config.take("addition_embed_type", None) == "text":
        config.fail("addition_embed_type", "text", "an image_proj context leaves no text to pool")
    return tuple(found)


IMPORTER = Importer(source="UNet2DConditionModel", convert=convert)
