"""Which composite operators of an export ONNX Runtime runs as one kernel, counted in the graph that it makes of it."""

import tempfile
from collections import Counter
from pathlib import Path

import onnx
import onnxruntime as ort

from designer.export.report import Fusion
from designer.export.session import QUIET

# What each may be in the file, and what it may be in the graph that runs.
KERNELS = {
    "attention": ({"Attention"}, {"Attention", "MultiHeadAttention", "PackedMultiHeadAttention"}),
    "group norm": ({"GroupNormalization", "GroupNorm"}, {"GroupNormalization", "GroupNorm", "SkipGroupNorm"}),
    "layer norm": ({"LayerNormalization"}, {"LayerNormalization", "SkipLayerNormalization"}),
    "RMS norm": (
        {"RMSNormalization"},
        {"RMSNormalization", "SimplifiedLayerNormalization", "SkipSimplifiedLayerNormalization"},
    ),
    "GELU": ({"Gelu"}, {"Gelu", "FastGelu", "BiasGelu"}),
    "SiLU": ({"SiLU"}, {"QuickGelu"}),
}


def fusions(path: Path) -> list[Fusion]:
    """Return how many of each kind the file has, and how many of them run as one kernel on the CPU.

    Loads the model once more; the graph that runs is written to a folder that is removed.
    """
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder) / "optimized.onnx"
        options = ort.SessionOptions()
        options.log_severity_level = QUIET
        options.optimized_model_filepath = str(made)
        ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        before, after = counts(path), counts(made)
    found = []
    for kind, (wanted, kernels) in KERNELS.items():
        expected = sum(before[one] for one in wanted)
        if expected:
            found.append(Fusion(kind, expected, min(expected, sum(after[one] for one in kernels))))
    return found


def counts(path: Path) -> Counter[str]:
    """Return how often each operator occurs; x · sigmoid(x) counts as SiLU too."""
    graph = onnx.load(str(path), load_external_data=False).graph
    gates = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Sigmoid"}
    found = Counter(node.op_type for node in graph.node)
    found["SiLU"] = sum(
        node.op_type == "Mul" and any(gates.get(a) == b for a, b in (node.input, reversed(node.input)))
        for node in graph.node
    )
    return found
