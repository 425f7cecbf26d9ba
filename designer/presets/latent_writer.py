"""Writing the main definition of a network of the latent U-Net family: parameters, levels, conditions, inputs."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from designer.presets.graph import Graph, Json, integer, integers, port
from designer.presets.latent_conditions import Condition, Place, TimeEmbedding
from designer.presets.latent_labels import ContextProjection
from designer.presets.latent_levels import FUSE, PLAIN, Level, Route, down_level, middle, up_level
from designer.presets.latent_parts import Parts, Style
from designer.presets.residual_block import activation

PASS = {"num_groups": "num_groups"}
# Our names of inputs, in the order of forward.
ORDER = ("x", "t", "context", "hint", "y", "guidance", "pooled", "image", "ids", "hint_image")


@dataclass(frozen=True)
class LatentUNet:
    """A latent U-Net: channels, encoder level and decoder level of each resolution, finest first."""

    channels: tuple[int, ...]
    down: tuple[Level, ...]
    up: tuple[Level, ...]
    mid: Level | None
    context_dim: int
    in_channels: int = 4
    out_channels: int = 4
    num_groups: int = 32
    style: Style = field(default_factory=Style)
    time: TimeEmbedding = field(default_factory=TimeEmbedding)
    conditions: tuple[Condition, ...] = ()
    context: ContextProjection | None = None
    mid_factor: float = 1.0
    center_input: bool = False
    kernels: tuple[int, int] = (3, 3)  # of the first and the last convolution
    names: Mapping[str, str] = field(
        default_factory=dict
    )  # our names of inputs → those of the forward arguments

    def name(self, ours: str) -> str:
        """The name under which an input is known."""
        return self.names.get(ours, ours)


Use = tuple[int, Any]  # level, value
Inputs = Mapping[int, Mapping[str, str]]  # level → its further inputs and their endpoints


class Values:
    """Parameters of the main definition: one number where all levels agree, else a list with one for each."""

    def __init__(self, parameters: Mapping[str, Json]) -> None:
        self.parameters = dict(parameters)

    def share(self, name: str, help: str, uses: Iterable[Use], levels: int) -> "Shared":
        """Declare a parameter for the values that levels use."""
        by_level: dict[int, set[Any]] = {}
        for level, value in uses:
            by_level.setdefault(level, set()).add(value)
        values = set().union(*by_level.values())
        if not values:
            return Shared()
        if any(isinstance(value, tuple) for value in values) or any(
            len(one) > 1 for one in by_level.values()
        ):
            return Shared()
        if len(values) == 1:
            self.parameters[name] = integer(help, values.pop(), 0)
            return Shared(name)
        self.parameters[name] = integers(help, [next(iter(by_level.get(k, {0}))) for k in range(levels)])
        return Shared(name, indexed=True)


@dataclass(frozen=True)
class Shared:
    """How a level reads a shared value: by name, by name and index, or as a number of its own."""

    name: str = ""
    indexed: bool = False

    def read(self, level: int, value: Any) -> Any:
        """Return the parameter value for a call."""
        if not self.name:
            return list(value) if isinstance(value, tuple) else value
        return f"{self.name}[{level}]" if self.indexed else self.name


class Writer:
    """Writes the main definition of one network."""

    def __init__(self, network: LatentUNet, parts: Parts | None = None) -> None:
        self.network = network
        self.parts = parts or Parts(network.style)
        self.context = network.name("context")
        self.graph = Graph()
        self.place = Place(self.graph, self.parts, network.time.size(), network.names)
        out = (
            {"out_channels": integer("channels of the prediction", network.out_channels)}
            if network.up
            else {}
        )
        self.values = Values(
            {
                "in_channels": integer("channels of the latent", network.in_channels),
                **out,
                "channels": integers("channels of each level, finest first", network.channels),
            }
        )
        levels = len(network.channels)
        used = [*enumerate(network.down), *enumerate(network.up)]
        used += [(levels - 1, network.mid)] if network.mid else []
        attending = [(index, level) for index, level in used if level.has_context]
        downs = [(index, level.blocks) for index, level in enumerate(network.down)]
        ups = [(index, level.blocks - 1) for index, level in enumerate(network.up)]
        self.num_blocks = self.values.share(
            "num_blocks", "residual blocks of an encoder level", downs + ups, levels
        )
        heads = [(index, level.heads) for index, level in attending]
        self.heads = self.values.share("num_heads", "attention heads", heads, levels)
        depths = [(index, level.depth) for index, level in attending if level.kind == "cross"]
        self.depth = self.values.share(
            "depth", "transformer blocks behind each residual block", depths, levels
        )
        context = {"context_dim": integer("features of a token of the context", network.context_dim)}
        self.values.parameters |= {
            **({} if network.context else context),
            "num_groups": integer("groups of the normalisations", network.num_groups),
        }

    def embedding(self) -> str:
        """Add the time embedding with its conditions; return its endpoint."""
        network, place = self.network, self.place
        temb = network.time.attach(place, network.style.act)
        for condition in network.conditions:
            temb = condition.attach(place, temb)
        if network.time.final_act:
            temb = activation(self.graph, "temb_act", network.time.final_act, temb)
        if network.context:
            self.context = network.context.attach(place)
        return temb

    def conv_in(self) -> str:
        """Add the first convolution; return its endpoint."""
        network = self.network
        x = network.name("x")
        if network.center_input:
            x = self.graph.call("center", "CenterInput", x=x) + ".out"
        for condition in network.conditions:
            x = condition.sample(self.place, x)
        return self.graph.call("conv_in", "Conv2d", conv("channels[0]", network.kernels[0]), x=x) + ".out"

    def encoder(
        self,
        trunk: str,
        temb: str,
        write: Callable[[Parts, Level], str] = down_level,
        inputs: Inputs | None = None,
        values: Mapping[str, str] | None = None,
    ) -> str:
        """Add the levels of the encoder; return the endpoint of the coarsest map.

        `write` writes a level; `inputs` are the endpoints of its further inputs, `values` further parameters.
        """
        last = len(self.network.channels) - 1
        for index, level in enumerate(self.network.down):
            params = {
                "out_channels": f"channels[{index}]",
                "num_blocks": self.num_blocks.read(index, level.blocks),
                **self._attention(index, level),
                **(values or {}),
                **PASS,
                "downsample": index < last,
            }
            given = {**(inputs or {}).get(index, {}), **self._inputs(level, temb)}
            node = self.graph.call(f"down_{index}", write(self.parts, level), params, x=trunk, **given)
            trunk = f"{node}.x"
        return trunk

    def middle(self, trunk: str, temb: str) -> str:
        """Add the bottleneck, where there is one."""
        mid = self.network.mid
        if mid is None:
            return trunk
        params = {**self._attention(len(self.network.channels) - 1, mid), **PASS}
        name = middle(self.parts, mid, self.network.mid_factor)
        return self.graph.call("mid", name, params, x=trunk, **self._inputs(mid, temb)) + ".x"

    def decoder(self, trunk: str, temb: str, route: Route = PLAIN, inputs: Inputs | None = None) -> str:
        """Add the levels of the decoder, coarsest first; skips take the `route`, which may need further inputs."""
        self.values.parameters |= {**route.main_parameters, **FUSE}
        for index, level in reversed(list(enumerate(self.network.up))):
            blocks = self.num_blocks.read(index, level.blocks - 1)
            params = {
                "out_channels": f"channels[{index}]",
                "num_blocks": f"{blocks} + 1" if isinstance(blocks, str) else level.blocks,
                **self._attention(index, level),
                **route.main_values,
                **PASS,
                "fuse": "=fuse",
                "upsample": index > 0,
            }
            given = {
                "skips": f"down_{index}.skips",
                **(inputs or {}).get(index, {}),
                **self._inputs(level, temb),
            }
            node = self.graph.call(
                f"up_{index}", up_level(self.parts, level, route), params, x=trunk, **given
            )
            trunk = f"{node}.x"
        return trunk

    def _attention(self, index: int, level: Level) -> Json:
        if not level.has_context:
            return {}
        if level.kind == "mixed":
            return {"num_heads": self.heads.read(index, level.heads)}
        depth = "depths" if isinstance(level.depth, tuple) else "depth"
        return {"num_heads": self.heads.read(index, level.heads), depth: self.depth.read(index, level.depth)}

    def _inputs(self, level: Level, temb: str) -> dict[str, str]:
        return {"temb": temb, **({"context": self.context} if level.has_context else {})}

    def inputs(self, extra: Mapping[str, Json] | None = None) -> list[Json]:
        """Return the inputs of the network in the order of forward, under the names they are known by."""
        extra_channels = sum(condition.extra_channels for condition in self.network.conditions)
        channels = f"in_channels-{extra_channels}" if extra_channels else "in_channels"
        ports = {
            "x": port("x", "latent", f"B {channels} H W", help="noisy latent"),
            "t": port("t", "timestep", "B", help="timestep, 0 … 999"),
        }
        context = self.network.context
        if context is None or context.reads_text:
            size = "context_dim" if context is None else context.in_dim
            ports["context"] = port("context", "context", f"B N {size}", help="text tokens")
        ports |= self.network.time.ports()
        for condition in self.network.conditions:
            ports |= condition.ports()
        if context:
            ports |= context.ports()
        ports |= extra or {}
        known = [*ORDER, *(ours for ours in ports if ours not in ORDER)]
        return [{**ports[ours], "name": self.network.name(ours)} for ours in known if ours in ports]


def conv(channels: str, kernel: int) -> Json:
    """Return the parameters of a convolution that keeps the size of a map."""
    size = {} if kernel == 3 else {"kernel_size": kernel, "padding": (kernel - 1) // 2}
    return {"out_channels": channels, **size}


def document(
    name: str, main: str, definitions: Mapping[str, Json], training: Mapping[str, Any] | None = None
) -> Json:
    """Return a whole document, the values of main's parameters being their defaults.

    Definitions come callees first, as they are written, and are listed as one reads them: callers first.
    """
    declared = definitions[main]["parameters"]
    return {
        "format": "diffusion-design",
        "format_version": 1,
        "name": name,
        "parameters": {key: one["default"] for key, one in declared.items() if "default" in one},
        "main": main,
        "training": dict(training or {}),
        "definitions": dict(reversed(list(definitions.items()))),
    }
