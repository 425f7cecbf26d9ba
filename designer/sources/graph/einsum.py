"""An Einstein sum as orders of axes and one matrix product."""

from collections.abc import Mapping, Sequence

from designer.dims import Size
from designer.shapes.functions import product
from designer.sources.graph.emit import permute
from designer.sources.graph.reshape import InexpressibleError, reshape
from designer.sources.graph.trace import Scope, Trace


def einsum(trace: Trace, scope: Scope, equation: str, parts: Sequence[str]) -> str:
    """Emit the sum of one tensor's axes in another order, or of the product of two. Raises InexpressibleError."""
    left, _, result = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    plain = all(one.isalpha() for term in (*terms, result) for one in term)
    if not plain or not result or any(len(set(term)) != len(term) for term in (*terms, result)):
        raise InexpressibleError(equation)
    if len(terms) == 1 and set(left) == set(result):
        return permute(trace, scope, parts[0], [left.index(one) for one in result])
    if len(terms) != 2:
        raise InexpressibleError(equation)
    a, b = terms
    batch = [one for one in result if one in a and one in b]
    rows = [one for one in result if one in a and one not in b]
    columns = [one for one in result if one in b and one not in a]
    inner = [one for one in a if one in b and one not in result]
    if set(a) != {*batch, *rows, *inner} or set(b) != {*batch, *columns, *inner} or not inner:
        raise InexpressibleError(equation)
    sizes = dict(zip(a + b, [*trace.axes[parts[0]], *trace.axes[parts[1]]], strict=True))
    first = _matrix(trace, scope, parts[0], a, sizes, batch, rows, inner)
    second = _matrix(trace, scope, parts[1], b, sizes, batch, inner, columns)
    axes = [*(sizes[one] for one in batch), _size(sizes, rows), _size(sizes, columns)]
    made = trace.emit("MatMul", scope, {"a": first, "b": second}, axes)
    order = batch + rows + columns
    parted = reshape(trace, scope, made, [sizes[one] for one in order])
    return permute(trace, scope, parted, [order.index(one) for one in result])


def _matrix(
    trace: Trace, scope: Scope, x: str, have: str, sizes: Mapping[str, Size],
    batch: Sequence[str], first: Sequence[str], second: Sequence[str],
) -> str:  # fmt: skip
    """The axes as those of the batch, then two."""
    ordered = permute(trace, scope, x, [have.index(one) for one in (*batch, *first, *second)])
    return reshape(
        trace, scope, ordered, [*(sizes[one] for one in batch), _size(sizes, first), _size(sizes, second)]
    )


def _size(sizes: Mapping[str, Size], letters: Sequence[str]) -> Size:
    return product([sizes[one] for one in letters])
