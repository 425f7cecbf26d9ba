"""Further conditions of conditional U-Nets: class labels, pooled text, image embeddings."""

from dataclasses import dataclass, field
from typing import ClassVar

from designer.presets.graph import Graph, Json, definition, integer, port
from designer.presets.latent_attention import LDM
from designer.presets.latent_conditions import TEMB, Condition, Place, TimeEmbedding, mlp
from designer.presets.latent_hint import hint_encoder

IMAGEN = "Saharia et al. 2022, arXiv:2205.11487"
UNCLIP = "Ramesh et al. 2022, arXiv:2204.06125"


@dataclass(frozen=True)
class ClassCondition(Condition):
    """A class label or a vector in its place.

    Kinds: "table" (a learned vector for each of `size` labels), "timestep" (a second number, embedded as the
    timestep is), "identity" (a vector, as it is), "projection" (a vector through an MLP), "linear".
    """

    kind: str
    size: int = 0
    time: TimeEmbedding = field(default_factory=TimeEmbedding)
    act: str = "SiLU"
    concat: bool = False  # beside the time embedding rather than added to it

    def ports(self) -> dict[str, Json]:
        """The label or vector."""
        if self.kind == "table":
            return {"y": port("y", "class", "B", dtype="int64", help=f"class label, 0 … {self.size - 1}")}
        if self.kind == "timestep":
            return {
                "y": port("y", "size", "B", help="a second number, such as the noise level of a condition")
            }
        size = self.time.size() if self.kind == "identity" else self.size
        return {"y": port("y", "vector", f"B {size}", help="a vector that conditions the network")}

    def embed(self, place: Place) -> str:
        """Add what makes a vector of the time embedding's size."""
        y = place.name("y")
        if self.kind == "identity":
            return y
        if self.kind == "table":
            params = {"num_embeddings": self.size, "embedding_dim": place.width}
            return place.graph.call("class_embedding", "Embedding", params, index=y) + ".out"
        if self.kind == "linear":
            return place.graph.call("class_embedding", "Linear", {"out_features": place.width}, x=y) + ".out"
        if self.kind == "timestep":
            written = self.time.write(self.act, guided=False)
            values = {
                "dim": place.width if self.time.fourier else "channels[0]",
                "temb_channels": place.width,
            }
            return place.call("class_embedding", "NumberMLP", written, values, t=y) + ".temb"
        return (
            place.call("class_embedding", "ClassMLP", _vector_mlp(), {"temb_channels": place.width}, y=y)
            + ".temb"
        )

    def attach(self, place: Place, temb: str) -> str:
        """Join the embedding: a sum, or side by side."""
        added = self.embed(place)
        if self.concat:
            return place.graph.call("concat_class", "ConcatFeatures", a=temb, b=added) + ".out"
        return place.graph.call("add_class", "Add", a=temb, b=added) + ".out"


def _vector_mlp() -> Json:
    graph = Graph()
    return definition(
        "A vector through an MLP.",
        graph,
        [port("y", "vector", "B y_dim")],
        [port("temb", "vector", "B temb_channels", mlp(graph, "y"))],
        {"y_dim": integer("size of the vector"), **TEMB},
        LDM,
    )


@dataclass(frozen=True)
class TextPooling(Condition):
    """The tokens of the context, pooled by attention (Imagen, DeepFloyd IF)."""

    num_heads: int

    def embed(self, place: Place) -> str:
        """Add the pooling of the context."""
        values = {"num_heads": self.num_heads, "temb_channels": place.width}
        return (
            place.call("text_pooling", "TextPooling", self._write(), values, context=place.name("context"))
            + ".temb"
        )

    def _write(self) -> Json:
        graph = Graph()
        graph.call("norm1", "LayerNorm", {"eps": 1e-5}, x="context")
        graph.call("pool", "AttentionPooling", {"num_heads": "num_heads"}, x="norm1.out")
        graph.call("proj", "Linear", {"out_features": "temb_channels"}, x="pool.out")
        end = graph.call("norm2", "LayerNorm", {"eps": 1e-5}, x="proj.out") + ".out"
        return definition(
            "Text tokens to one vector: attention pooling between two normalisations.",
            graph,
            [port("context", "context", "B N text_dim")],
            [port("temb", "vector", "B temb_channels", end)],
            {
                "text_dim": integer("features of a text token"),
                "num_heads": integer("attention heads", 64),
                **TEMB,
            },
            IMAGEN,
        )


@dataclass(frozen=True)
class ImageCondition(Condition):
    """An image embedding, projected and normalised, or with a pooled text beside it (Kandinsky, unCLIP)."""

    image_dim: int
    text_dim: int | None = None

    def ports(self) -> dict[str, Json]:
        """The image embedding, and the text embedding where there is one."""
        image = {"image": port("image", "vector", f"B {self.image_dim}", help="image embedding")}
        if self.text_dim is None:
            return image
        return {
            "pooled": port("pooled", "pooled", f"B {self.text_dim}", help="pooled text embedding"),
            **image,
        }

    def embed(self, place: Place) -> str:
        """Add the projections."""
        inputs = {"image": place.name("image")}
        if self.text_dim is not None:
            inputs["pooled"] = place.name("pooled")
        values = {"temb_channels": place.width}
        return place.call("image_embedding", "ImageEmbedding", self._write(), values, **inputs) + ".temb"

    def _write(self) -> Json:
        graph = Graph()
        wide = {"out_features": "temb_channels"}
        image = graph.call("image_proj", "Linear", wide, x="image") + ".out"
        inputs = [port("image", "vector", "B image_dim")]
        sizes = {"image_dim": integer("size of the image embedding")}
        if self.text_dim is None:
            end = graph.call("image_norm", "LayerNorm", {"eps": 1e-5}, x=image) + ".out"
        else:
            graph.call("text_proj", "Linear", wide, x="pooled")
            graph.call("text_norm", "LayerNorm", {"eps": 1e-5}, x="text_proj.out")
            end = graph.call("add", "Add", a=image, b="text_norm.out") + ".out"
            inputs.append(port("pooled", "pooled", "B pooled_dim"))
            sizes["pooled_dim"] = integer("size of the pooled text")
        return definition(
            "An image embedding as a condition.",
            graph,
            inputs,
            [port("temb", "vector", "B temb_channels", end)],
            {**sizes, **TEMB},
            UNCLIP,
        )


@dataclass(frozen=True)
class HintedImage(ImageCondition):
    """An image embedding, and a hint that is brought to the size of the latent and put beside it (Kandinsky 2.2)."""

    extra_channels: ClassVar[int] = 4

    def ports(self) -> dict[str, Json]:
        """The image embedding and the hint."""
        hint = port("hint_image", "control", "B 3 8*H 8*W", help="a hint such as a depth map")
        return {**super().ports(), "hint_image": hint}

    def sample(self, place: Place, x: str) -> str:
        """Put the encoded hint beside the sample."""
        sizes = {"hint_channels": [16, 32, 96, 256], "out_channels": self.extra_channels}
        hint = place.name("hint_image")
        place.graph.call("hint_encoder", hint_encoder(place.parts, "Conv2d"), sizes, hint=hint)
        return place.graph.call("concat_hint", "ConcatChannels", a=x, b="hint_encoder.x") + ".out"


@dataclass(frozen=True)
class ContextProjection:
    """What becomes of the context before the levels see it.

    Kinds: "text" (projected tokens), "image" (an image embedding as `tokens` normalised tokens), "text_image"
    (an image embedding as `tokens` tokens, before the projected tokens of the text).
    """

    kind: str
    in_dim: int
    out_dim: int
    tokens: int = 32

    def ports(self) -> dict[str, Json]:
        """The image embedding, where there is one."""
        if self.kind == "text":
            return {}
        size = self.in_dim if self.kind == "image" else self.out_dim
        return {"image": port("image", "vector", f"B {size}", help="image embedding")}

    @property
    def reads_text(self) -> bool:
        """Whether the tokens of the text are among the inputs."""
        return self.kind != "image"

    def attach(self, place: Place) -> str:
        """Add the projection; return the endpoint of the context."""
        graph = place.graph
        text = ""
        if self.reads_text:
            text = (
                graph.call("context_proj", "Linear", {"out_features": self.out_dim}, x=place.name("context"))
                + ".out"
            )
        if self.kind == "text":
            return text
        wide = {"out_features": self.tokens * self.out_dim}
        graph.call("image_proj", "Linear", wide, x=place.name("image"))
        parts = {"axis": 1, "sizes": [self.tokens, self.out_dim]}
        image = graph.call("image_tokens", "Unflatten", parts, x="image_proj.out") + ".out"
        if self.kind == "image":
            return graph.call("image_norm", "LayerNorm", {"eps": 1e-5}, x=image) + ".out"
        return graph.call("join_tokens", "ConcatTokens", a=image, b=text) + ".out"
