"""Random transformers: patches through random stacks of attention, modulation, gates and MLPs, nested and repeated."""

import random
from typing import Any

WIDTH = "hidden_size"
CONTEXT = 12


class _Body:
    """The graph of a definition that keeps its tokens x [B, N, hidden_size], conditioned by c and context."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.nodes: dict[str, Any] = {}
        self.edges: list[list[str]] = []
        self.end = "x"

    def add(self, call: str, params: dict[str, Any], **inputs: str) -> str:
        name = f"{call.lower()}_{len(self.nodes)}"
        self.nodes[name] = {"call": call, "params": params}
        self.edges += [[source, f"{name}.{port}"] for port, source in inputs.items()]
        return name

    def residual(self) -> None:
        """Add a norm, a modulation, a branch, a gate (each of them or not) and the sum with the stream."""
        start, gate = self.end, ""
        end = self._norm(start)
        if self.rng.random() < 0.5:
            modulation = self.add("AdaLNZeroSingle", {"hidden_size": WIDTH}, c="c")
            ports = {port: f"{modulation}.{port}" for port in ("shift", "scale", "gate")}
            end = self.add("Modulate", {}, x=end, shift=ports["shift"], scale=ports["scale"]) + ".out"
            gate = ports["gate"]
        end = self.rng.choice([self._attention, self._cross, self._joined, self._mlp, self._experts])(end)
        if gate:
            end = self.add("GateTokens", {}, x=end, gate=gate) + ".out"
        elif self.rng.random() < 0.6:
            end = self.add(self.rng.choice(["LayerScale", "TanhGate", "TokenGate"]), {}, x=end) + ".out"
        self.end = self.add("Add", {}, a=start, b=end) + ".out"

    def _norm(self, end: str) -> str:
        kind = self.rng.choice(["LayerNorm", "LayerNorm", "RMSNorm", "AdaRMSNorm"])
        more = {"c": "c"} if kind == "AdaRMSNorm" else {}
        return self.add(kind, {}, x=end, **more) + ".out"

    def _linear(self, end: str, size: Any, kind: str = "Linear") -> str:
        return self.add(kind, {"out_features": size}, x=end) + ".out"

    def _attention(self, end: str) -> str:
        return self.add("SelfAttention", {"num_heads": self.rng.choice([1, 2, "heads"])}, x=end) + ".out"

    def _heads(self, end: str, heads: Any, norm: bool) -> str:
        split = self.add("SplitHeads", {"num_heads": heads}, x=self._linear(end, WIDTH)) + ".out"
        return self.add("RMSNorm", {}, x=split) + ".out" if norm else split

    def _cross(self, end: str, source: str = "context") -> str:
        heads, norm = self.rng.choice([2, "heads"]), self.rng.random() < 0.5
        q, k = self._heads(end, heads, norm), self._heads(source, heads, norm)
        v = self._heads(source, heads, False)
        return self._linear(self.add("DotProductAttention", {}, q=q, k=k, v=v) + ".out", WIDTH)

    def _joined(self, end: str) -> str:
        both = self.add("ConcatTokens", {}, a=end, b=self._linear("context", WIDTH)) + ".out"
        attended = self.add("SelfAttention", {"num_heads": 2}, x=both) + ".out"
        return self.add("SplitTokens", {}, x=attended, like=end) + ".first"

    def _mlp(self, end: str) -> str:
        hidden = self._linear(
            end, self.rng.choice([f"2*{WIDTH}", f"int({WIDTH}*ratio)", 20]), self._expansion()
        )
        if self.nodes[hidden.split(".")[0]]["call"] == "Linear":
            hidden = self.add(self.rng.choice(["GELU", "SiLU"]), {}, x=hidden) + ".out"
        return self._linear(hidden, WIDTH)

    def _expansion(self) -> str:
        return self.rng.choice(["Linear", "GEGLU", "SwiGLU"])

    def _experts(self, end: str) -> str:
        params = {"mlp_hidden": 16, "num_experts": 3, "top_k": self.rng.choice([1, 2])}
        return self.add("MixtureOfExperts", params, x=end) + ".out"


def _definition(rng: random.Random, inner: list[str]) -> dict[str, Any]:
    """Return a definition of one to three residual updates, calls of others among them."""
    body = _Body(rng)
    for _ in range(rng.randint(1, 3)):
        if inner and rng.random() < 0.3:
            name = body.add(rng.choice(inner), {}, x=body.end, c="c", context="context")
            body.nodes[name] |= rng.choice([{}, {"repeat": 2}, {"when": "flag"}])
            body.end = f"{name}.x"
        else:
            body.residual()
    return {
        "parameters": {
            WIDTH: {"type": "int"},
            "heads": {"type": "int", "default": 4},
            "ratio": {"type": "float", "default": 1.5},
            "flag": {"type": "bool", "default": rng.random() < 0.5},
        },
        "inputs": [
            {"name": "x", "role": "tokens", "shape": f"B N {WIDTH}"},
            {"name": "c", "role": "vector", "shape": f"B {WIDTH}"},
            {"name": "context", "role": "context", "shape": f"B M {CONTEXT}"},
        ],
        "outputs": [{"name": "x", "role": "tokens", "from": body.end.split(".")}],
        "nodes": body.nodes,
        "edges": body.edges,
    }  # fmt: skip


def design(seed: int) -> dict[str, Any]:
    """Return the document of a random transformer on latents of 4 channels, with a context of free length."""
    rng = random.Random(seed)
    definitions: dict[str, Any] = {}
    for index in range(rng.randint(1, 3)):
        definitions[f"Block{index}"] = _definition(rng, list(definitions))
    main = _Body(rng)
    patch = {"patch_size": rng.choice([1, 2, 4])}
    main.end = main.add("PatchEmbed", {WIDTH: WIDTH, **patch}, x="x") + ".tokens"
    if rng.random() < 0.6:
        position = {"grid_size": 8, **patch}
        main.end = main.add("SinCosPosition", position, tokens=main.end, like="x") + ".out"
    time = main.add("TimestepEmbedding", {"dim": WIDTH}, t="t") + ".out"
    c = main._linear(main.add("SiLU", {}, x=main._linear(time, WIDTH)) + ".out", WIDTH)
    for name in definitions:
        node = main.add(name, {}, x=main.end, c=c, context="context")
        main.nodes[node] |= rng.choice([{}, {"repeat": rng.choice([1, 3, "depth"])}])
        main.end = f"{node}.x"
    norm = main.add("LayerNorm", {}, x=main.end) + ".out"
    pixels = main._linear(norm, 4 * patch["patch_size"] ** 2)
    last = main.add("Unpatchify", {"out_channels": 4, **patch}, tokens=pixels, like="x")
    net = {
        "parameters": {WIDTH: {"type": "int", "default": 16}, "depth": {"type": "int", "default": 2}},
        "inputs": [
            {"name": "x", "role": "latent", "shape": "B 4 H W"},
            {"name": "t", "role": "timestep", "shape": "B"},
            {"name": "context", "role": "context", "shape": f"B M {CONTEXT}"},
        ],
        "outputs": [{"name": "out", "role": "prediction", "from": [last, "out"]}],
        "nodes": main.nodes,
        "edges": main.edges,
    }
    return {
        "format": "diffusion-design", "format_version": 1, "name": f"random transformer {seed}",
        "parameters": {WIDTH: rng.choice([8, 16, 24]), "depth": 2}, "main": "Net",
        "definitions": {"Net": net, **definitions},
    }  # fmt: skip
