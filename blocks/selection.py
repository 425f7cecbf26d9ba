"""Values that are chosen place by place, and parts of an axis as long as an axis of another tensor."""

from torch import Tensor

from designer.spec import BlockSpec, Example, Param, Port, Stability


def take_like(x: Tensor, like: Tensor, axis: int, like_axis: int) -> Tensor:
    """The first items of an axis of x, as many as another tensor has along one of its own."""
    return x.narrow(axis, 0, like.shape[like_axis])


def drop_like(x: Tensor, like: Tensor, axis: int, like_axis: int) -> Tensor:
    """An axis of x without its first items, as many as another tensor has along one of its own."""
    count = like.shape[like_axis]
    return x.narrow(axis, count, x.shape[axis] - count)


SPECS = (
    BlockSpec(
        name="Where",
        title="Choose by a condition",
        family="Primitive",
        kind="expression",
        target="torch.where({condition} != 0, {a}, {b})",
        summary="The first value where the condition is not 0, the second elsewhere.",
        tags=("gating",),
        glyph="?",
        inputs=(Port("condition", "any", "*C"), Port("a", "any", "*A"), Port("b", "any", "*B")),
        outputs=(Port("out", "same:a", "*chosen(C,A,B)"),),
        saved=("condition_numel/4",),
        formula="y = a if c ≠ 0 else b",
        reference="Paszke et al. 2019, arXiv:1912.01703",
        article="Part IV",
        stability=Stability("", "values pass unchanged"),
        examples=(
            Example({"condition": (2, 1, 4), "a": (2, 3, 4), "b": (2, 3, 1)}, {}),
            Example({"condition": (3, 1), "a": (3, 4), "b": (3, 4)}, {}),
        ),
    ),
    BlockSpec(
        name="ToDouble",
        title="To double precision",
        family="Primitive",
        kind="expression",
        target="{x}.double()",
        summary="Numbers in double precision, such as angles of positions.",
        tags=("reshape",),
        glyph="·",
        inputs=(Port("x", "any", "*S"),),
        outputs=(Port("out", "any", "*S", dtype="float64"),),
        formula="y = x",
        reference="Paszke et al. 2019, arXiv:1912.01703",
        article="Part IV",
        stability=Stability("", "values pass unchanged", gain="1"),
        examples=(Example({"x": (2, 3)}, {}),),
    ),
    BlockSpec(
        name="TakeLike",
        title="First items, as many as another has",
        family="Primitive",
        kind="function",
        target="take_like",
        summary="The first items of an axis, as many as another tensor has along one of its own.",
        tags=("reshape",),
        glyph="⊏",
        inputs=(Port("x", "any", "*S"), Port("like", "any", "*T")),
        outputs=(Port("out", "same:x", "*taken(S,T,axis,like_axis)"),),
        params=(
            Param("axis", "int", 1, positional=True, help="the axis that is cut"),
            Param(
                "like_axis", "int", 1, positional=True, help="the axis of the other tensor that says how many"
            ),
        ),
        views={"out": "x"},
        formula="y = x[…, :n, …]",
        reference="Paszke et al. 2019, arXiv:1912.01703",
        article="Part IV",
        stability=Stability("", "values pass unchanged", gain="1"),
        examples=(
            Example({"x": (2, 5, 4), "like": (2, 3)}, {}),
            Example({"x": (2, 3, 6), "like": (2, 3, 4)}, {"axis": -1, "like_axis": 2}),
        ),
    ),
    BlockSpec(
        name="DropLike",
        title="Without the first items, as many as another has",
        family="Primitive",
        kind="function",
        target="drop_like",
        summary="An axis without its first items, as many as another tensor has along one of its own.",
        tags=("reshape",),
        glyph="⊐",
        inputs=(Port("x", "any", "*S"), Port("like", "any", "*T")),
        outputs=(Port("out", "same:x", "*dropped(S,T,axis,like_axis)"),),
        params=(
            Param("axis", "int", 1, positional=True, help="the axis that is cut"),
            Param(
                "like_axis", "int", 1, positional=True, help="the axis of the other tensor that says how many"
            ),
        ),
        views={"out": "x"},
        formula="y = x[…, n:, …]",
        reference="Paszke et al. 2019, arXiv:1912.01703",
        article="Part IV",
        stability=Stability("", "values pass unchanged", gain="1"),
        examples=(
            Example({"x": (2, 5, 4), "like": (2, 3)}, {}),
            Example({"x": (2, 3, 6), "like": (2, 3, 4)}, {"axis": -1, "like_axis": 2}),
        ),
    ),
)
