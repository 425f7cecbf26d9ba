"""Random designs: maps of a few channels through random blocks, nested definitions, repeats and conditions."""

import random
from typing import Any


class _Graph:
    """A definition in the making: a pool of (endpoint, channels, scale) to draw inputs from."""

    def __init__(self, rng: random.Random, definitions: dict[str, Any], depth: int) -> None:
        self.rng, self.definitions, self.depth = rng, definitions, depth
        self.nodes: dict[str, Any] = {}
        self.edges: list[list[str]] = []
        self.pool: list[tuple[str, int, int]] = []

    def add(self, call: str, params: dict[str, Any], inputs: dict[str, str], **extra: Any) -> str:
        name = f"{call.lower()}_{len(self.nodes)}"
        self.nodes[name] = {"call": call, "params": params, **extra}
        self.edges += [[source, f"{name}.{port}"] for port, source in inputs.items()]
        return name

    def step(self) -> None:
        end, channels, scale = self.rng.choice(self.pool[-4:])
        kind = self.rng.choice(
            ["Conv2d", "Conv2d", "GroupNorm", "SiLU", "GELU", "Dropout", "Add", "ConcatChannels", "UpsampleConv",
             "DownsampleConv", "SpatialSelfAttention", "Scale", "call", "call", "repeat", "shared"]
        )  # fmt: skip
        getattr(self, f"_{kind.lower()}", self._plain)(kind, end, channels, scale)

    def _put(self, name: str, channels: int, scale: int, port: str = "out") -> None:
        self.pool.append((f"{name}.{port}", channels, scale))

    def _plain(self, kind: str, end: str, channels: int, scale: int) -> None:
        self._put(self.add(kind, {}, {"x": end}), channels, scale)

    def _conv2d(self, kind: str, end: str, channels: int, scale: int) -> None:
        out = self.rng.choice([4, 6, 8])
        kernel = self.rng.choice([1, 3])
        init = self.rng.choice(["default", "zero", "xavier_uniform"])
        extra = (
            {"when": self.rng.choice(["flag", "not flag"])}
            if out == channels and self.rng.random() < 0.3
            else {}
        )
        params = {"out_channels": out, "kernel_size": kernel, "padding": kernel // 2, "init": init}
        self._put(self.add(kind, params, {"x": end}, **extra), out, scale)

    def _groupnorm(self, kind: str, end: str, channels: int, scale: int) -> None:
        self._put(self.add(kind, {"num_groups": 2}, {"x": end}), channels, scale)

    def _add(self, kind: str, end: str, channels: int, scale: int) -> None:
        others = [one for one in self.pool if one[1:] == (channels, scale)]
        self._put(self.add(kind, {}, {"a": end, "b": self.rng.choice(others)[0]}), channels, scale)

    def _concatchannels(self, kind: str, end: str, channels: int, scale: int) -> None:
        other, more, _ = self.rng.choice([one for one in self.pool if one[2] == scale])
        if channels + more <= 24:
            self._put(self.add(kind, {}, {"a": end, "b": other}), channels + more, scale)

    def _upsampleconv(self, kind: str, end: str, channels: int, scale: int) -> None:
        if scale > 0:
            self._put(self.add(kind, {}, {"x": end}), channels, scale - 1)

    def _downsampleconv(self, kind: str, end: str, channels: int, scale: int) -> None:
        if scale < 2 and self.depth == 0:
            self._put(self.add(kind, {}, {"x": end}), channels, scale + 1)

    def _scale(self, kind: str, end: str, channels: int, scale: int) -> None:
        self._put(
            self.add(kind, {"factor": self.rng.choice([0.5, "1/sqrt(width)"])}, {"x": end}), channels, scale
        )

    def _shared(self, kind: str, end: str, channels: int, scale: int) -> None:
        params = {"out_channels": channels, "kernel_size": 1, "padding": 0}
        first = self.add("Conv2d", params, {"x": end}, instance=f"tied_{len(self.nodes)}")
        second = self.add("Conv2d", params, {"x": f"{first}.out"}, instance=self.nodes[first]["instance"])
        self._put(second, channels, scale)

    def _call(self, kind: str, end: str, channels: int, scale: int) -> None:
        self._nested(end, channels, scale, {})

    def _repeat(self, kind: str, end: str, channels: int, scale: int) -> None:
        self._nested(end, channels, scale, {"repeat": self.rng.choice([1, 2, "count"])})

    def _nested(self, end: str, channels: int, scale: int, extra: dict[str, Any]) -> None:
        if self.depth >= 2:
            return
        same = [name for name in self.definitions if self.definitions[name]]
        name = (
            self.rng.choice(same)
            if same and self.rng.random() < 0.6
            else part(self.rng, self.definitions, self.depth + 1)
        )
        if extra and self.rng.random() < 0.3:
            extra = {**extra, "when": "flag"}
        node = self.add(name, {"flag": self.rng.choice([True, False, "flag"])}, {"x": end}, **extra)
        self._put(node, channels, scale, "x")


def part(rng: random.Random, definitions: dict[str, Any], depth: int) -> str:
    """Add a definition that keeps shape: [B, channels, H, W] → the same; return its name."""
    name = f"Part{len(definitions)}"
    graph = _Graph(rng, definitions, depth)
    definitions[name] = {}  # reserve the name
    widen = graph.add("Conv2d", {"out_channels": 8}, {"x": "x"})
    graph.pool = [(f"{widen}.out", 8, 0)]
    for _ in range(rng.randint(1, 4)):
        graph.step()
    back = graph.add("Conv2d", {"out_channels": "channels"}, {"x": graph.pool[-1][0]})
    add = graph.add("Add", {}, {"a": "x", "b": f"{back}.out"})
    definitions.pop(name)
    definitions[name] = {
        "parameters": {"channels": {"type": "int"}, "flag": {"type": "bool", "default": True}},
        "inputs": [{"name": "x", "role": "map", "shape": "B channels H W"}],
        "outputs": [{"name": "x", "role": "map", "from": [add, "out"]}],
        "nodes": graph.nodes,
        "edges": graph.edges,
    }
    return name


def design(seed: int) -> dict[str, Any]:
    """Return the document of a random denoiser of 3-channel images."""
    rng = random.Random(seed)
    definitions: dict[str, Any] = {}
    graph = _Graph(rng, definitions, 0)
    stem = graph.add("Conv2d", {"out_channels": "width"}, {"x": "x"})
    embed = graph.add("TimestepEmbedding", {"dim": "width"}, {"t": "t"})
    timed = graph.add("AddEmbedding", {}, {"x": f"{stem}.out", "embedding": f"{embed}.out"})
    graph.pool = [(f"{timed}.out", 8, 0)]
    for _ in range(rng.randint(3, 12)):
        graph.step()
    while graph.pool[-1][2] > 0:
        graph._upsampleconv("UpsampleConv", *graph.pool[-1])
    last = graph.add("Conv2d", {"out_channels": 3}, {"x": graph.pool[-1][0]})
    main = {
        "parameters": {
            "width": {"type": "int", "default": 8},
            "count": {"type": "int", "default": 2},
            "flag": {"type": "bool", "default": bool(seed % 2)},
        },
        "inputs": [
            {"name": "x", "role": "image", "shape": "B 3 H W"},
            {"name": "t", "role": "timestep", "shape": "B"},
        ],
        "outputs": [{"name": "out", "role": "prediction", "from": [last, "out"]}],
        "nodes": graph.nodes,
        "edges": graph.edges,
    }
    return {
        "format": "diffusion-design", "format_version": 1, "name": f"random {seed}",
        "parameters": {"width": 8, "count": 2, "flag": bool(seed % 2)},
        "main": "Net", "definitions": {"Net": main, **definitions},
    }  # fmt: skip
