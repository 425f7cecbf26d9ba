"""From an exported program to a trace: every operator in order, by the table of operators."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from designer.shapes.functions import Axes
from designer.sources.graph.reshape import InexpressibleError
from designer.sources.graph.trace import Level, Scope, Trace, Unknown
from designer.sources.pytorch.blanks import Blank, Window
from designer.sources.pytorch.sizes import Sizes

LITERALS = 512  # numbers that a design may state itself; longer constants are stored with the weights


class UnsupportedError(Exception):
    """An operator is used in a way that no block stands for."""


@dataclass(frozen=True)
class Value:
    """A value that is computed from inputs."""

    name: str


@dataclass(frozen=True)
class State:
    """A parameter or buffer of the module, or a constant, not yet read as a value."""

    name: str
    tensor: Tensor
    learned: bool


class Tracer:
    """One walk over an exported program."""

    def __init__(self, program: Any, table: dict[str, Callable[["Tracer", "Operator"], Any]]) -> None:
        self.program, self.table = program, table
        self.trace, self.sizes = Trace(), Sizes()
        self.values: dict[fx.Node, Any] = {}
        self.tensors: dict[str, Tensor] = {}  # tensors of the source that a block holds
        self.computed: list[State] = []  # constants that follow from numbers
        self._read: dict[tuple[str, Scope], str] = {}

    def run(self) -> Trace:
        """Return the trace; operators without block are listed in it, and stand in it by name."""
        self._placeholders()
        for node in self.program.graph.nodes:
            if node.op == "call_function":
                self.values[node] = self._call(node)
            elif node.op == "output":
                self._outputs(node)
        return self.trace

    def _placeholders(self) -> None:
        signature = self.program.graph_signature
        state = {**signature.inputs_to_parameters, **signature.inputs_to_buffers}
        constants = signature.inputs_to_lifted_tensor_constants
        nodes = [node for node in self.program.graph.nodes if node.op == "placeholder"]
        for node in nodes:
            if node.name in state:
                name = state[node.name]
                tensor = (
                    self.program.state_dict[name]
                    if name in self.program.state_dict
                    else self.program.constants[name]
                )
                self.values[node] = State(name, tensor, node.name in signature.inputs_to_parameters)
            elif node.name in constants:
                name = constants[node.name]
                self.values[node] = State(f"constants.{name}", self.program.constants[name], False)
            elif isinstance(node.meta.get("val"), Tensor):
                value = node.meta["val"]
                self.sizes.name_input(value.shape)
                dtype = (
                    "float32"
                    if value.dtype.is_floating_point
                    else "bool"
                    if value.dtype == torch.bool
                    else "int64"
                )
                self.values[node] = Value(
                    self.trace.add_input(node.name, self.sizes.axes(value.shape), dtype)
                )
            else:
                self.values[node] = node.meta.get("val")  # a number that the export fixed

    def _outputs(self, node: fx.Node) -> None:
        kinds = {
            spec.arg.name
            for spec in self.program.graph_signature.output_specs
            if spec.kind.name == "USER_OUTPUT" and hasattr(spec.arg, "name")
        }
        for one in torch.utils._pytree.tree_leaves(node.args):
            if isinstance(one, fx.Node) and one.name in kinds:
                self.trace.outputs.append(self.value(self.values[one], ()))

    def _call(self, node: fx.Node) -> Any:
        operator = Operator(self, node)
        if isinstance(node.meta.get("val"), (torch.SymInt, int, float, torch.SymFloat, torch.SymBool)):
            return node.meta["val"]  # arithmetic of sizes: shapes carry it
        if node.target.__module__ == "_operator" and node.target.__name__ == "getitem":  # type: ignore[union-attr]
            return operator.resolve(node.args[0])[node.args[1]]
        if "val" not in node.meta or node.meta["val"] is None:
            return None  # an assertion
        constant = operator.constant()
        if constant is not None:
            return constant
        handler = self.table.get(operator.name)
        try:
            if handler is None:
                raise UnsupportedError("")
            return handler(self, operator)
        except (UnsupportedError, InexpressibleError) as error:
            return self._unknown(operator, str(error))
        except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as error:
            if not self.trace.unknown:  # only what follows an unknown operator has unknown axes
                raise
            return self._unknown(operator, f"{type(error).__name__}: {error}")

    def _unknown(self, operator: "Operator", reason: str) -> Any:
        """List the operator, and let a node of its name stand for it."""
        path = operator.scope[-1].path if operator.scope else ""
        self.trace.unknown.append(Unknown(operator.name, f"{path}/{operator.node.name}".lstrip("/"), reason))
        nodes = [self.values[one] for one in operator.node.all_input_nodes]
        tensors = [one for one in nodes if isinstance(one, (Value, State))]
        inputs = {f"x_{index}": self.value(one, operator.scope) for index, one in enumerate(tensors)}
        outputs = torch.utils._pytree.tree_leaves(operator.node.meta["val"])
        axes = {f"out_{index}": self._axes(one) for index, one in enumerate(outputs)}
        block = "".join(part[:1].upper() + part[1:] for part in operator.name.replace(".", "_").split("_"))
        found = [Value(name) for name in self.trace.emit_many(block, operator.scope, inputs, axes)]
        return found[0] if isinstance(operator.node.meta["val"], Tensor) else found

    def _axes(self, output: Tensor) -> Axes:
        try:
            return self.sizes.axes(output.shape)
        except InexpressibleError:
            return [1] * output.ndim  # the design has errors as it is; only the number of axes matters

    def value(self, found: Any, scope: Scope) -> str:
        """Return the name of a value; a parameter or constant becomes a node of the module that reads it."""
        if isinstance(found, Value):
            return found.name
        if isinstance(found, Blank):
            return found.joined(self.trace, scope)
        if isinstance(found, Tensor):
            found = self._computed(found)
        if not isinstance(found, State):
            raise UnsupportedError(f"{found!r:.40} is not a tensor")
        if (found.name, scope) not in self._read:
            self._read[found.name, scope] = self._state(found, scope)
        return self._read[found.name, scope]

    def _computed(self, tensor: Tensor) -> State:
        """Return a constant that no module holds, under a name of its own."""
        for one in self.computed:
            if one.tensor is tensor:
                return one
        self.computed.append(State(f"constants.computed_{len(self.computed)}", tensor, False))
        return self.computed[-1]

    def _state(self, state: State, scope: Scope) -> str:
        shape = list(state.tensor.shape)
        if not state.learned and state.tensor.numel() <= LITERALS:
            values = state.tensor.flatten().tolist()
            if not shape:
                shape, values = [1], values
            return self.trace.emit("FixedTensor", scope, {}, shape, values=values, shape=shape)
        block = "LearnedTensor" if state.learned else "StoredTensor"
        name = "" if state.name.startswith("constants.") else state.name.rpartition(".")[2]
        return self.trace.emit(block, scope, {}, shape, self.hold(value=state), name, shape=shape)

    def hold(self, **states: Any) -> dict[str, str]:
        """Return the weights of a block, by the names that its module gives them."""
        found = {}
        for name, state in states.items():
            if state is not None:
                self.tensors[state.name] = state.tensor
                found[name] = state.name
        return found


class Operator:
    """One call of an operator: its arguments by name, resolved."""

    def __init__(self, tracer: Tracer, node: fx.Node) -> None:
        self.tracer, self.node = tracer, node
        self.name = str(node.target)
        self.scope = _scope(node)

    def __getattr__(self, name: str) -> Any:
        """An argument by the name in the operator's schema."""
        return self.arguments()[name]

    def arguments(self) -> dict[str, Any]:
        """Return every argument by name, defaults included."""
        found = {}
        for index, one in enumerate(self.node.target._schema.arguments):  # type: ignore[union-attr]
            given = (
                self.node.args[index]
                if index < len(self.node.args)
                else self.node.kwargs.get(one.name, one.default_value if one.has_default_value() else None)
            )
            found[one.name] = self.resolve(given)
        return found

    def resolve(self, argument: Any) -> Any:
        """Replace nodes by their values."""
        return fx.node.map_arg(argument, lambda node: self.tracer.values[node])

    @property
    def axes(self) -> Axes:
        """The axes of the (first) output."""
        value = self.node.meta["val"]
        return self.tracer.sizes.axes((value if isinstance(value, Tensor) else value[0]).shape)

    def axes_of(self, index: int) -> Axes:
        """The axes of one of several outputs."""
        return self.tracer.sizes.axes(self.node.meta["val"][index].shape)

    def have(self, argument: Any) -> Axes:
        """The axes of a tensor argument."""
        if isinstance(argument, Value):
            return self.tracer.trace.axes[argument.name]
        return list(argument.tensor.shape if isinstance(argument, State) else argument.shape)

    def emit(
        self,
        block: str,
        inputs: dict[str, Any],
        axes: Axes | None = None,
        weights: dict[str, str] | None = None,
        **params: Any,
    ) -> Value:
        """Emit a block in the operator's module."""
        names = {port: self.tracer.value(one, self.scope) for port, one in inputs.items()}
        found = self.tracer.trace.emit(
            block, self.scope, names, self.axes if axes is None else axes, weights, **params
        )
        return Value(found)

    def constant(self) -> Tensor | list[Tensor] | None:
        """The result, where every argument is a known number or a constant that is not learned."""
        arguments = self.arguments()
        leaves = torch.utils._pytree.tree_leaves(list(arguments.values()))
        if any(
            isinstance(one, (Value, Blank, Window, torch.SymInt)) or (isinstance(one, State) and one.learned)
            for one in leaves
        ):
            return None
        plain = torch.utils._pytree.tree_map(
            lambda one: one.tensor if isinstance(one, State) else one, arguments
        )
        schema = self.node.target._schema.arguments  # type: ignore[union-attr]
        positional = [plain[one.name] for one in schema if not one.kwarg_only]
        result: Any = self.node.target(
            *positional, **{one.name: plain[one.name] for one in schema if one.kwarg_only}
        )  # type: ignore[operator]
        return result  # type: ignore[no-any-return]


def _scope(node: fx.Node) -> Scope:
    levels = []
    for key, (path, kind) in (node.meta.get("nn_module_stack") or {}).items():
        name = kind if isinstance(kind, str) else kind.__qualname__
        plain = _plain_path(str(path))
        if plain:
            again = re.search(r"@\d+$", key)  # a module that is called once more
            levels.append(Level(plain + (again.group() if again else ""), name.rpartition(".")[2]))
    return tuple(levels)


def _plain_path(path: str) -> str:
    """Return blocks.0.attn for paths such as L['self']._modules['blocks'][0].attn."""
    if path.startswith("_empty_nn_module_stack"):
        return ""
    if "[" not in path and "(" not in path:
        return path
    return ".".join(one for one in re.findall(r"\w+", path) if one not in ("L", "self", "_modules", "dict"))
