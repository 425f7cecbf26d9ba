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
        model,
        keep_io_types=True,
        op_block_list=KEPT_IN_FP32,
        node_block_list=angles(model.graph),
        disable_shape_infer=True,
    )
    _drop_twins(converted.graph)
    _join(converted.graph)
    onnx.save(converted, str(path))


def angles(graph: onnx.GraphProto) -> list[str]:
    """Return the nodes that lead to a sine or cosine: angles of hundreds of radians, of which fp16 keeps no turn."""
    makers = {value: node for node in graph.node for value in node.output}
    todo = [node for node in graph.node if node.op_type in ("Sin", "Cos")]
    found: set[str] = set()
    while todo:
        node = todo.pop()
        if node.name not in found:
            found.add(node.name)
            todo += [makers[value] for value in node.input if value in makers]
    return sorted(found)


def _join(graph: onnx.GraphProto) -> None:
    """Let a value pass between two operators in fp32 as it is, where the converter rounds it to fp16 on the way."""
    made = {node.output[0]: node for node in graph.node}
    outputs = {value.name for value in graph.output}
    whole: dict[str, str] = {}
    for node in graph.node:
        rounding = made.get(node.input[0]) if node.name.endswith("_cast_to_fp32_node") else None
        if rounding is not None and _rounds(rounding) and node.output[0] not in outputs:
            whole[node.output[0]] = rounding.input[0]
    for node in graph.node:
        node.input[:] = [whole.get(value, value) for value in node.input]
    for unused in (whole, {made[one].input[0] for one in whole}):
        read = {value for node in graph.node for value in node.input} | outputs
        kept = [node for node in graph.node if not (node.output[0] in unused and node.output[0] not in read)]
        del graph.node[:]
        graph.node.extend(kept)


def _rounds(node: onnx.NodeProto) -> bool:
    """Whether a node is the converter's own step from fp32 to fp16."""
    return node.name.startswith("graph_input_cast") or node.name.endswith("_cast_to_fp16_node")


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
