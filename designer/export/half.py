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
    onnx.save(converted, str(path))
