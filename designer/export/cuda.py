"""A variant of an export for CUDA: group norms, with the SiLU that follows, as ONNX Runtime's own operator.

ONNX Runtime has no CUDA kernel for the standard GroupNormalization and runs it as a dozen small operators; its
com.microsoft.GroupNorm is one kernel, for channels last. Attention is native already and stays. The variant shares
the weights in `model.onnx.data` where there are such.
"""

from pathlib import Path

import onnx
from onnx import helper

from designer.export.report import Rewritten

CONTRIB = "com.microsoft"
CUDA_FILE = "model.cuda.onnx"


def write_cuda_variant(path: Path) -> Rewritten:
    """Write `model.cuda.onnx` beside the export at `path`; return what was rewritten."""
    model = onnx.load(str(path), load_external_data=False)
    ranks = _ranks(model)
    found = [node for node in model.graph.node if node.op_type == "GroupNormalization" and not node.domain]
    norms = [node for node in found if ranks.get(node.input[0]) == 4]
    replaced: dict[str, list[onnx.NodeProto]] = {}
    dropped: set[str] = set()
    with_silu = 0
    for index, norm in enumerate(norms):
        silu = _silu_after(model.graph, norm)
        with_silu += silu is not None
        last = norm if silu is None else silu[1]
        replaced[last.output[0]] = _channels_last(norm, index, last.output[0], silu is not None)
        dropped |= {norm.output[0]} | ({one.output[0] for one in silu} if silu else set())
    nodes = []
    for node in model.graph.node:
        nodes += replaced.get(node.output[0], [] if node.output[0] in dropped else [node])
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    if norms and all(one.domain != CONTRIB for one in model.opset_import):
        model.opset_import.append(helper.make_opsetid(CONTRIB, 1))
    target = path.with_name(CUDA_FILE)
    onnx.save(model, str(target))
    onnx.checker.check_model(str(target))
    return Rewritten(target.name, len(found), len(norms), with_silu)


def _channels_last(norm: onnx.NodeProto, index: int, output: str, activation: bool) -> list[onnx.NodeProto]:
    """Return the norm as one kernel between two transpositions; `output` is what it computes."""
    attributes = {one.name: helper.get_attribute_value(one) for one in norm.attribute}
    name = f"group_norm_{index}"
    before, after = f"{name}_in", f"{name}_out"
    return [
        helper.make_node("Transpose", [norm.input[0]], [before], f"{name}_nhwc", perm=[0, 2, 3, 1]),
        helper.make_node(
            "GroupNorm",
            [before, *norm.input[1:]],
            [after],
            name,
            domain=CONTRIB,
            groups=attributes["num_groups"],
            epsilon=attributes.get("epsilon", 1e-5),
            activation=int(activation),
            channels_last=1,
        ),
        helper.make_node("Transpose", [after], [output], f"{name}_nchw", perm=[0, 3, 1, 2]),
    ]


def _silu_after(graph: onnx.GraphProto, norm: onnx.NodeProto) -> tuple[onnx.NodeProto, onnx.NodeProto] | None:
    """Return the sigmoid and the product that make a SiLU of a norm's output, when nothing else reads it."""
    value = norm.output[0]
    readers = [node for node in graph.node if value in node.input]
    gate = next((node for node in readers if node.op_type == "Sigmoid"), None)
    product = next((node for node in readers if node.op_type == "Mul"), None)
    if gate is None or product is None or len(readers) != 2 or value in {one.name for one in graph.output}:
        return None
    others = [node for node in graph.node if gate.output[0] in node.input and node is not product]
    return (gate, product) if {*product.input} == {value, gate.output[0]} and not others else None


def _ranks(model: onnx.ModelProto) -> dict[str, int]:
    graph = onnx.shape_inference.infer_shapes(model).graph
    values = (*graph.input, *graph.value_info, *graph.output)
    return {
        one.name: len(one.type.tensor_type.shape.dim)
        for one in values
        if one.type.tensor_type.HasField("shape")
    }
