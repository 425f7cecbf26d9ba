"""From an ONNX graph to a trace: every operator in order, constants and sizes computed on the way."""

import ast
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from designer import expressions
from designer.dims import Dim, Size, UndecidedError, simplify
from designer.expressions import ExpressionError
from designer.shapes.functions import Axes
from designer.sources.graph.reshape import InexpressibleError
from designer.sources.graph.trace import Call, Level, Scope, Trace, Unknown
from designer.sources.graph.tree import identifier, unique
from designer.sources.onnx.sizes import compute

LITERALS = 512
_DERIVED = ("onnx::", "val_", "/")  # names that exporters give to what they computed
Handler = Callable[["Tracer", "Operator"], Any]
TABLE: dict[str, Handler] = {}


class UnsupportedError(Exception):
    """An operator is used in a way that no block stands for."""


def handles(*names: str) -> Callable[[Handler], Handler]:
    """Register a handler for operators of the default domain."""

    def register(handler: Handler) -> Handler:
        TABLE.update(dict.fromkeys(names, handler))
        return handler

    return register


class Operator:
    """One node of the graph: its attributes, and its inputs as values (text) or constants (arrays)."""

    def __init__(self, tracer: "Tracer", node: Any) -> None:
        self.tracer, self.node = tracer, node
        self.name = node.op_type if node.domain in ("", "ai.onnx") else f"{node.domain}.{node.op_type}"
        self.scope = _scope(node) or tracer.scope_of_weights(node)
        self.attributes = {one.name: _attribute(one) for one in node.attribute}
        self.inputs = [tracer.values.get(name) if name else None for name in node.input]

    def input(self, index: int) -> Any:
        """Return an input, None where it is left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def value(self, index: int) -> str:
        """Return an input as a value of the trace."""
        return self.tracer.value(self.inputs[index], self.scope, self.node.input[index])

    def operand(self, index: int) -> str | float:
        """Return an input as a value, or as a number where it is a constant of one number."""
        found = self.inputs[index]
        if isinstance(found, np.ndarray) and found.size == 1 and found.ndim <= 1:
            return float(_number(found.reshape(-1)[0]))
        return self.value(index)

    def array(self, index: int, what: str) -> Any:
        """Return an input that must be a constant."""
        found = self.input(index)
        if not isinstance(found, np.ndarray):
            raise UnsupportedError(f"its {what} is computed")
        return found

    def integers(self, index: int, attribute: str) -> list[int] | None:
        """Return whole numbers that older operators hold as an attribute and newer ones as an input."""
        if attribute in self.attributes:
            return [int(one) for one in self.attributes[attribute]]
        found = self.input(index)
        if found is None:
            return None
        return [int(_number(one)) for one in self.array(index, attribute).reshape(-1)]

    def sizes(self, index: int, attribute: str) -> list[Size]:
        """Return sizes, known or not, that older operators hold as an attribute."""
        listed = self.attributes.get(attribute)
        found = self.array(index, attribute).reshape(-1) if listed is None else listed
        return [one if isinstance(one, Dim) else int(one) for one in found]

    def emit(
        self,
        block: str,
        inputs: dict[str, str],
        axes: Axes,
        weights: dict[str, Any] | None = None,
        **params: Any,
    ) -> str:
        """Emit a block in the operator's module; weights are arrays."""
        held = {key: self.tracer.hold(self, array) for key, array in (weights or {}).items()}
        return self.tracer.trace.emit(block, self.scope, inputs, axes, held, **params)


class Tracer:
    """One walk over a graph."""

    def __init__(self, model: Any) -> None:
        self.graph = model.graph
        self.trace = Trace()
        self.values: dict[str, Any] = {}
        self.arrays: dict[str, Any] = {}
        self.learned: set[str] = set()
        self.fused: dict[str, str] = {}  # output of a node that an earlier call already covers → its value
        self._read: dict[tuple[str, Scope], str] = {}
        self.users: dict[str, list[Any]] = {}
        for node in self.graph.node:
            for name in node.input:
                self.users.setdefault(name, []).append(node)

    def run(self) -> Trace:
        """Return the trace; operators without block are listed in it, and stand in it by name."""
        for tensor in self.graph.initializer:
            self.values[tensor.name] = numpy_helper.to_array(tensor)
            self.learned.add(tensor.name)
        taken: dict[str, int] = {}
        for one in self.graph.input:
            if one.name not in self.values:
                self._input(one, taken)
        for node in self.graph.node:
            self._node(node)
        for one in self.graph.output:
            self.trace.outputs.append(self.value(self.values.get(one.name), (), one.name))
        _place(self.trace.calls)
        return self.trace

    def _input(self, one: Any, taken: dict[str, int]) -> None:
        kind = one.type.tensor_type
        axes: list[Size] = []
        for index, dim in enumerate(kind.shape.dim):
            axes.append(dim.dim_value if dim.dim_value > 0 else _free_size(dim.dim_param or f"D{index}"))
        dtype = {
            onnx.TensorProto.INT64: "int64",
            onnx.TensorProto.INT32: "int64",
            onnx.TensorProto.BOOL: "bool",
        }
        name = unique(identifier(one.name), taken)
        self.values[one.name] = self.trace.add_input(name, axes, dtype.get(kind.elem_type, "float32"))

    def _node(self, node: Any) -> None:
        if node.output and node.output[0] in self.fused:
            self.values[node.output[0]] = self.fused[node.output[0]]
            return
        operator = Operator(self, node)
        try:
            found = self._result(operator)
        except (UnsupportedError, InexpressibleError) as error:
            found = self._unknown(operator, str(error))
        except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
            # a graph that breaks ONNX's own rules, or one that follows an unknown operator
            found = self._unknown(operator, f"{type(error).__name__}: {error}")
        results = found if isinstance(found, list) else [found]
        self.values.update(zip(node.output, results, strict=False))

    def _result(self, op: Operator) -> Any:
        if op.name == "Constant":
            return next(iter(op.attributes.values()))
        if op.name == "Shape":
            return self._shape(op)
        if op.inputs and all(one is None or isinstance(one, np.ndarray) for one in op.inputs):
            try:
                return compute(op.node, op.name, op.attributes, op.inputs)
            except InexpressibleError:
                if op.name not in TABLE:
                    raise
        if op.name not in TABLE:
            raise UnsupportedError("")
        return TABLE[op.name](self, op)

    def _shape(self, op: Operator) -> Any:
        found = op.input(0)
        axes = list(found.shape) if isinstance(found, np.ndarray) else list(self.trace.axes[op.value(0)])
        cut = axes[op.attributes.get("start", 0) : op.attributes.get("end", len(axes))]
        return sizes_array([simplify(size) for size in cut])

    def _unknown(self, op: Operator, reason: str) -> list[str]:
        """List the operator, and let a node of its name stand for it."""
        path = op.scope[-1].path if op.scope else ""
        place = f"{path}/{op.node.name or op.node.output[0]}".lstrip("/")
        self.trace.unknown.append(Unknown(op.name, place, reason))
        inputs = {}
        for index, given in enumerate(op.inputs):
            if isinstance(given, str):
                inputs[f"x_{index}"] = given
        outputs: dict[str, Axes] = {f"out_{index}": [1] for index in range(len(op.node.output))}
        return self.trace.emit_many(f"Onnx{identifier(op.name)}", op.scope, inputs, outputs)

    def value(self, found: Any, scope: Scope, name: str) -> str:
        """Return the name of a value; a constant becomes a node of the module that reads it."""
        if isinstance(found, str):
            return found
        if not isinstance(found, np.ndarray):
            raise UnsupportedError(f"{name!r} has no value")
        if found.dtype == object:
            raise UnsupportedError("it computes with sizes")
        if (name, scope) not in self._read:
            self._read[name, scope] = self._constant(found, scope, name)
        return self._read[name, scope]

    def _constant(self, array: Any, scope: Scope, name: str) -> str:
        shape = list(array.shape) or [1]
        learned = name in self.learned and array.dtype.kind == "f" and not name.startswith(_DERIVED)
        if not learned and array.size <= LITERALS:
            return self.trace.emit(
                "FixedTensor", scope, {}, shape, values=array.reshape(-1).tolist(), shape=shape
            )
        self.arrays[name] = array.reshape(shape)
        called = name.rpartition(".")[2] if learned else ""
        return self.trace.emit(
            "LearnedTensor" if learned else "StoredTensor",
            scope,
            {},
            shape,
            {"value": name},
            called,
            shape=shape,
        )

    def hold(self, op: Operator, array: Any) -> str:
        """Keep an array that a block holds; return the name by which it is found again."""
        name = f"{op.node.output[0]}#{len(self.arrays)}"
        for known, one in self.arrays.items():
            if one is array:
                return known
        self.arrays[name] = array
        return name

    def scope_of_weights(self, node: Any) -> Scope:
        """Where an exporter dropped the modules: those in the name of the first weight that is read."""
        user = self.sole_user(node.output[0]) if node.op_type == "MatMul" else None
        for name in (*node.input, *(user.input if user is not None and user.op_type == "Add" else ())):
            if name in self.learned and "." in name and not name.startswith(_DERIVED):
                parts = re.findall(r"[A-Za-z_]\w*(?:\.\d+)*", name.rpartition(".")[0])
                paths = [".".join(parts[: index + 1]) for index in range(len(parts))]
                return tuple(Level(path, _kind(part)) for path, part in zip(paths, parts, strict=True))
        return ()

    def sole_user(self, name: str) -> Any:
        """Return the one node that reads a value which is no output, else None."""
        users = self.users.get(name, [])
        is_output = any(one.name == name for one in self.graph.output)
        return users[0] if len(users) == 1 and not is_output else None


def _place(calls: list[Call]) -> None:
    """Exporters drop the module of operators that they rewrite: one between two of a module belongs to it."""
    before: list[Scope] = []
    for call in calls:
        before.append(call.scope or (before[-1] if before else ()))
    after: Scope = ()
    for call, left in zip(reversed(calls), reversed(before), strict=True):
        after = call.scope or after
        if not call.scope:
            shared = [a for a, b in zip(left, after, strict=False) if a == b]
            call.scope = tuple(shared) if shared == list(left[: len(shared)]) else ()


def sizes_array(sizes: list[Size]) -> Any:
    """Return sizes as an array: of whole numbers where all are known, else of objects."""
    if all(isinstance(size, int) for size in sizes):
        return np.array(sizes, dtype=np.int64)
    found = np.empty(len(sizes), dtype=object)
    found[:] = sizes
    return found


def _free_size(text: str) -> Size:
    """Return the size that a name or an expression such as 2*H_over_2 stands for."""
    try:
        size = expressions.evaluate(text, {name: Dim.symbol(name) for name in expressions.names(text)})
    except (ExpressionError, UndecidedError):
        return Dim.symbol(identifier(text))
    return size if isinstance(size, Dim) else Dim.symbol(identifier(text))


def _number(value: Any) -> Any:
    if isinstance(value, Dim):
        raise UnsupportedError(f"the size {value} is not known")
    return value


def _attribute(one: Any) -> Any:
    found = onnx.helper.get_attribute_value(one)
    if isinstance(found, onnx.TensorProto):
        return numpy_helper.to_array(found)
    if one.name in ("value_int", "value_float"):
        return np.array(found)
    if one.name in ("value_ints", "value_floats"):
        return np.array(list(found))
    return found.decode() if isinstance(found, bytes) else found


def _scope(node: Any) -> Scope:
    """The modules around a node, from what PyTorch's exporters write, else from the parts of its name."""
    notes = {one.key: one.value for one in node.metadata_props}
    try:
        names = ast.literal_eval(notes["pkg.torch.onnx.name_scopes"])
        kinds = ast.literal_eval(notes["pkg.torch.onnx.class_hierarchy"])
        pairs = [(str(a), str(b).rpartition(".")[2]) for a, b in zip(names, kinds, strict=True)][:-1]
        return tuple(Level(path, kind) for path, kind in pairs if path)
    except (KeyError, ValueError, SyntaxError):
        parts = [part for part in node.name.split("/")[:-1] if part]
        paths = [".".join(parts[: index + 1]) for index in range(len(parts))]
        return tuple(Level(path, _kind(part)) for path, part in zip(paths, parts, strict=True))


def _kind(part: str) -> str:
    """A class name for a module of which only the attribute is known: blocks.0 → Block, res1 → Res."""
    stem, _, number = part.partition(".")
    stem = stem.rstrip("0123456789_")
    singular = stem[:-1] if number and stem.endswith("s") else stem
    return "".join(one[:1].upper() + one[1:] for one in identifier(singular or "Layer").split("_"))
