"""What the time embedding of a latent U-Net is made of: the timestep, and conditions that are added to it."""

from dataclasses import dataclass
from typing import ClassVar

from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.latent_attention import LDM
from designer.presets.latent_parts import Parts

SDXL = "Podell et al. 2023, arXiv:2307.01952"


@dataclass(frozen=True)
class TimeEmbedding:
    """Sinusoids of the timestep, then an MLP."""

    cos_first: bool = True
    frequency_shift: int = 0

    def attach(self, graph: Graph, parts: Parts, t: str) -> str:
        """Add the embedding of the timestep; return its endpoint."""
        values = {"dim": "channels[0]", "temb_channels": "4*channels[0]"}
        return (
            graph.call("time_mlp", parts.have("TimeMLP", lambda: self._write(parts)), values, t=t) + ".temb"
        )

    def _write(self, parts: Parts) -> Json:
        graph = Graph()
        embed = {"dim": "dim", "cos_first": self.cos_first, "frequency_shift": self.frequency_shift}
        graph.call("embed", "TimestepEmbedding", embed, t="t")
        end = mlp(graph, parts, "embed.out")
        return definition(
            "Timestep to embedding: sinusoids, then an MLP.",
            graph,
            [port("t", "timestep", "B")],
            [port("temb", "vector", "B temb_channels", end)],
            {
                "dim": integer("size of the sinusoidal embedding", 320),
                "temb_channels": integer("size of the embedding", 1280),
            },
            LDM,
        )


def mlp(graph: Graph, parts: Parts, source: str) -> str:
    """Add linear, activation, linear, as all embeddings end; return the endpoint."""
    wide = {"out_features": "temb_channels"}
    graph.call("fc1", "Linear", wide, x=source)
    return graph.call("fc2", "Linear", wide, x=parts.activate(graph, "act", "fc1.out")) + ".out"


@dataclass(frozen=True)
class Condition:
    """A condition that joins the time embedding."""

    inputs: ClassVar[tuple[str, ...]] = ()

    def ports(self) -> dict[str, Json]:
        """The inputs of the network that the condition adds, by our names."""
        return {}

    def attach(self, graph: Graph, parts: Parts, temb: str, names: dict[str, str]) -> str:
        """Add the condition to the embedding `temb`; return the new endpoint. `names` are those of the inputs."""
        raise NotImplementedError


@dataclass(frozen=True)
class MicroConditioning(Condition):
    """SDXL's: Fourier features of sizes and crops beside the pooled text, through an MLP, added."""

    pooled_dim: int
    num_ids: int
    frequency_dim: int = 256
    cos_first: bool = True
    frequency_shift: int = 0

    def ports(self) -> dict[str, Json]:
        """Pooled text and the numbers: original height and width, crop top and left, target size or score."""
        return {
            "pooled": port("pooled", "pooled", f"B {self.pooled_dim}", help="pooled text embedding"),
            "ids": port(
                "ids", "size", f"B {self.num_ids}", help="original size, crop corner, target size or score"
            ),
        }

    def attach(self, graph: Graph, parts: Parts, temb: str, names: dict[str, str]) -> str:
        """Add the MLP's output to the time embedding."""
        name = parts.have("MicroConditioning", lambda: self._write(parts))
        values = {"frequency_dim": self.frequency_dim, "temb_channels": "4*channels[0]"}
        graph.call("micro", name, values, pooled=names["pooled"], ids=names["ids"])
        return graph.call("add_micro", "Add", a=temb, b="micro.temb") + ".out"

    def _write(self, parts: Parts) -> Json:
        graph = Graph()
        embed = {"dim": "frequency_dim", "cos_first": self.cos_first, "frequency_shift": self.frequency_shift}
        graph.call("embed", "TimestepEmbedding", embed, t="ids")
        graph.call("flatten", "FlattenFeatures", x="embed.out")
        graph.call("concat", "ConcatFeatures", a="pooled", b="flatten.out")
        end = mlp(graph, parts, "concat.out")
        return definition(
            "Sizes and crop as sinusoids, beside the pooled text, through an MLP.",
            graph,
            [port("pooled", "pooled", "B pooled_dim"), port("ids", "size", "B num_ids")],
            [port("temb", "vector", "B temb_channels", end)],
            {
                "pooled_dim": integer("size of the pooled text"),
                "num_ids": integer("numbers: sizes, crop, score"),
                "frequency_dim": integer("sinusoids for each number", 256, 2),
                "temb_channels": integer("size of the embedding", 1280),
            },
            f"{SDXL}, section 2.2",
        )
