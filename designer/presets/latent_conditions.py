"""What the time embedding of a latent U-Net is made of: the timestep, and conditions that join it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.latent_attention import LDM
from designer.presets.latent_parts import Parts
from designer.presets.residual_block import activation

SDXL = "Podell et al. 2023, arXiv:2307.01952"
TEMB = {"temb_channels": integer("size of the embedding", 1280)}


@dataclass(frozen=True)
class Place:
    """Where a condition is written: the graph, the definitions, the width of the embedding, the inputs' names."""

    graph: Graph
    parts: Parts
    width: int | str
    names: Mapping[str, str]

    def name(self, ours: str) -> str:
        """The name under which an input is known."""
        return self.names.get(ours, ours)

    def call(self, node: str, name: str, written: Json, params: Mapping[str, object], **inputs: str) -> str:
        """Call a definition, written for the occasion."""
        return self.graph.call(node, self.parts.have(name, lambda: written), params, **inputs)


@dataclass(frozen=True)
class TimeEmbedding:
    """Sinusoids of the timestep, or random Fourier features, then an MLP."""

    cos_first: bool = True
    frequency_shift: int = 0
    fourier: bool = False
    width: int | None = None  # size of the embedding, where it is not 4 × the first channels
    post_act: str = ""
    guidance_dim: int | None = None  # size of an embedded guidance scale that joins the sinusoids
    final_act: str = ""

    def size(self) -> int | str:
        """The size of the embedding, as main states it."""
        return self.width or ("2*channels[0]" if self.fourier else "4*channels[0]")

    def ports(self) -> dict[str, Json]:
        """The input for an embedded guidance scale."""
        if not self.guidance_dim:
            return {}
        shape = f"B {self.guidance_dim}"
        return {"guidance": port("guidance", "guidance", shape, help="embedded guidance scale")}

    def attach(self, place: Place, act: str) -> str:
        """Add the embedding of the timestep; return its endpoint."""
        dim = place.width if self.fourier else "channels[0]"
        inputs = {"t": place.name("t")}
        if self.guidance_dim:
            inputs["guidance"] = place.name("guidance")
        values = {"dim": dim, "temb_channels": place.width}
        return place.call("time_mlp", "TimeMLP", self.write(act), values, **inputs) + ".temb"

    def write(self, act: str, guided: bool = True) -> Json:
        """Return the definition of the MLP on the timestep."""
        graph = Graph()
        inputs = [port("t", "timestep", "B")]
        if self.fourier:
            end = (
                graph.call("embed", "FourierTime", {"dim": "dim", "cos_first": self.cos_first}, t="t")
                + ".out"
            )
        else:
            embed = {"dim": "dim", "cos_first": self.cos_first, "frequency_shift": self.frequency_shift}
            end = graph.call("embed", "TimestepEmbedding", embed, t="t") + ".out"
        if self.guidance_dim and guided:
            inputs.append(port("guidance", "guidance", "B guidance_dim"))
            graph.call("guide", "Linear", {"out_features": "dim", "bias": False}, x="guidance")
            end = graph.call("add_guidance", "Add", a=end, b="guide.out") + ".out"
        end = mlp(graph, end, act)
        if self.post_act and guided:
            end = activation(graph, "post_act", self.post_act, end)
        guidance = {"guidance_dim": integer("size of the embedded guidance scale")} if len(inputs) > 1 else {}
        return definition(
            "Timestep to embedding: sinusoids, then an MLP.",
            graph,
            inputs,
            [port("temb", "vector", "B temb_channels", end)],
            {"dim": integer("size of the sinusoidal embedding", 320), **guidance, **TEMB},
            LDM,
        )


def mlp(graph: Graph, source: str, act: str = "SiLU") -> str:
    """Add linear, activation, linear, as all embeddings end; return the endpoint."""
    wide = {"out_features": "temb_channels"}
    graph.call("fc1", "Linear", wide, x=source)
    return graph.call("fc2", "Linear", wide, x=activation(graph, "act", act, "fc1.out")) + ".out"


@dataclass(frozen=True)
class Condition(ABC):
    """A condition that is added to the time embedding."""

    extra_channels: ClassVar[int] = 0  # that it puts beside the sample

    def sample(self, place: Place, x: str) -> str:
        """Put something beside the sample; return the endpoint of both."""
        return x

    def ports(self) -> dict[str, Json]:
        """The inputs of the network that the condition needs, by our names."""
        return {}

    @abstractmethod
    def embed(self, place: Place) -> str:
        """Add the embedding of the condition; return its endpoint."""

    def attach(self, place: Place, temb: str) -> str:
        """Let the condition join the embedding `temb`; return the new endpoint."""
        added = self.embed(place)
        node = f"add_{added.partition('.')[0]}"
        return place.graph.call(node, "Add", a=temb, b=added) + ".out"


@dataclass(frozen=True)
class MicroConditioning(Condition):
    """SDXL's: Fourier features of sizes and crops beside the pooled text, through an MLP."""

    pooled_dim: int
    num_ids: int
    frequency_dim: int = 256
    cos_first: bool = True
    frequency_shift: int = 0

    def ports(self) -> dict[str, Json]:
        """Pooled text and the numbers: original height and width, crop top and left, target size or score."""
        ids = "original size, crop corner, target size or score"
        return {
            "pooled": port("pooled", "pooled", f"B {self.pooled_dim}", help="pooled text embedding"),
            "ids": port("ids", "size", f"B {self.num_ids}", help=ids),
        }

    def embed(self, place: Place) -> str:
        """Add the MLP on pooled text and sizes."""
        values = {"frequency_dim": self.frequency_dim, "temb_channels": place.width}
        inputs = {"pooled": place.name("pooled"), "ids": place.name("ids")}
        return place.call("micro", "MicroConditioning", self._write(), values, **inputs) + ".temb"

    def _write(self) -> Json:
        graph = Graph()
        embed = {"dim": "frequency_dim", "cos_first": self.cos_first, "frequency_shift": self.frequency_shift}
        graph.call("embed", "TimestepEmbedding", embed, t="ids")
        graph.call("flatten", "FlattenFeatures", x="embed.out")
        graph.call("concat", "ConcatFeatures", a="pooled", b="flatten.out")
        return definition(
            "Sizes and crop as sinusoids, beside the pooled text, through an MLP.",
            graph,
            [port("pooled", "pooled", "B pooled_dim"), port("ids", "size", "B num_ids")],
            [port("temb", "vector", "B temb_channels", mlp(graph, "concat.out"))],
            {
                "pooled_dim": integer("size of the pooled text"),
                "num_ids": integer("numbers: sizes, crop, score"),
                "frequency_dim": integer("sinusoids for each number", 256, 2),
                **TEMB,
            },
            f"{SDXL}, section 2.2",
        )
