"""Definitions that turn timestep, pooled text and guidance into one condition vector."""

from typing import Any

REFERENCE = "Esser et al. 2024, arXiv:2403.03206"

VECTOR_MLP: dict[str, Any] = {
    "doc": "Two-layer perceptron on a vector.",
    "reference": REFERENCE,
    "parameters": {
        "in_features": {"type": "int", "help": "size of the input"},
        "hidden_size": {"type": "int", "default": 1536, "help": "size of the output"},
    },
    "inputs": [{"name": "x", "role": "vector", "shape": "B in_features"}],
    "outputs": [{"name": "x", "role": "vector", "shape": "B hidden_size", "from": ["fc2", "out"]}],
    "nodes": {
        "fc1": {"call": "Linear", "params": {"out_features": "hidden_size", "init": "normal_0.02"}},
        "act": {"call": "SiLU"},
        "fc2": {"call": "Linear", "params": {"out_features": "hidden_size", "init": "normal_0.02"}},
    },
    "edges": [["x", "fc1.x"], ["fc1.out", "act.x"], ["act.out", "fc2.x"]],
}


def time_text_embedder(
    time_factor: float | None = None, guidance_factor: float | None = None
) -> dict[str, Any]:
    """Return the condition: timestep and pooled text, and guidance where it has a factor, embedded and added.

    A factor multiplies its input before the sinusoids; without `time_factor` the timestep is taken as it is.
    """
    mlp = {"call": "VectorMlp", "params": {"hidden_size": "hidden_size"}}
    inputs = [
        {"name": "t", "role": "timestep", "shape": "B"},
        {"name": "pooled", "role": "pooled", "shape": "B pooled_size"},
    ]
    nodes: dict[str, Any] = {}
    edges: list[list[str]] = []
    _sinusoids(nodes, edges, "t", time_factor)
    nodes["pooled_mlp"] = mlp
    edges.append(["pooled", "pooled_mlp.x"])
    total = "t_mlp.x"
    if guidance_factor is not None:
        inputs.append({"name": "guidance", "role": "guidance", "shape": "B"})
        _sinusoids(nodes, edges, "guidance", guidance_factor)
        nodes["add_guidance"] = {"call": "Add"}
        edges += [[total, "add_guidance.a"], ["guidance_mlp.x", "add_guidance.b"]]
        total = "add_guidance.out"
    nodes["add_pooled"] = {"call": "Add"}
    edges += [[total, "add_pooled.a"], ["pooled_mlp.x", "add_pooled.b"]]
    also = ", guidance" if guidance_factor is not None else ""
    return {
        "doc": f"Timestep{also} and pooled text to one condition vector.",
        "reference": REFERENCE,
        "parameters": {
            "pooled_size": {"type": "int", "help": "size of the pooled text"},
            "hidden_size": {"type": "int", "default": 1536, "help": "size of the condition"},
        },
        "inputs": inputs,
        "outputs": [{"name": "c", "role": "vector", "shape": "B hidden_size", "from": ["add_pooled", "out"]}],
        "nodes": nodes,
        "edges": edges,
    }


def _sinusoids(nodes: dict[str, Any], edges: list[list[str]], name: str, factor: float | None) -> None:
    """Add the path of one number: scaled, as sinusoids, through an MLP."""
    source = name
    if factor is not None:
        nodes[f"{name}_scale"] = {"call": "Scale", "params": {"factor": factor}}
        edges.append([name, f"{name}_scale.x"])
        source = f"{name}_scale.out"
    nodes[f"{name}_embed"] = {"call": "TimestepEmbedding", "params": {"dim": 256, "cos_first": True}}
    nodes[f"{name}_mlp"] = {"call": "VectorMlp", "params": {"hidden_size": "hidden_size"}}
    edges += [[source, f"{name}_embed.t"], [f"{name}_embed.out", f"{name}_mlp.x"]]
