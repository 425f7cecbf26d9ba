"""fp16 weights and arithmetic, with normalisations, softmax and the inputs kept in fp32."""

from pathlib import Path

import onnx

# Operators whose statistics or exponentials lose too much in fp16.
KEPT_IN_FP32 = [
    "GroupNormalization",
    "LayerNormalization",
    "RMSNormalization",
    "InstanceNormalization",
    "Softmax",
    "Exp",
    "Sin",
    "Cos",
    "Range",
    "Pow",
    "Sqrt",
    "ReduceMean",
    "Resize",
]


def to_half(path: Path) -> None:
    """Rewrite an fp32 ONNX file to fp16 inside; inputs and outputs keep their types."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = onnx.load(str(path))
    converted = convert_float_to_float16(
        model, keep_io_types=True, op_block_list=KEPT_IN_FP32, disable_shape_infer=True
    )
    _drop_twins(converted.graph)
    onnx.save(converted, str(path))


def _drop_twins(graph: onnx.GraphProto) -> None:
    """Keep one of equal nodes: the converter casts a value once for each fp32 operator that reads it."""
    seen: set[str] = set()
    kept = []
    for node in graph.node:
        if not seen.issuperset(node.output):
            kept.append(node)
            seen.update(node.output)
    del graph.node[:]
    graph.node.extend(kept)
