"""A checkpoint rearranged for the rendered model, tensor by tensor: only bytes move, values never change."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from pathlib import Path

from designer.errors import UserError
from designer.importers import Rule
from designer.importers.weights import Assignment, Piece, Shape, assign
from designer.weights.file import Entry, Output, Span, write


def convert_file(
    rules: Sequence[Rule], checkpoint: Mapping[str, Entry], target: Mapping[str, Shape], path: Path
) -> list[Output]:
    """Write the weights of a model whose tensors have the shapes `target`; return what was written.

    Raises UserError, before anything is written, for tensors that are missing, left over or do not fit.
    """
    shapes = {name: entry.shape for name, entry in checkpoint.items()}
    outputs = [_output(one, checkpoint) for one in assign(rules, shapes, target)]
    if any(path.exists() and path.samefile(entry.path) for entry in checkpoint.values()):
        raise UserError(f"{path}: holds the weights that are read; choose another file for what is written")
    write(path, outputs)
    return outputs


def _output(one: Assignment, checkpoint: Mapping[str, Entry]) -> Output:
    dtypes = {checkpoint[piece.source].dtype for piece in one.pieces}
    if len(dtypes) > 1:
        names = ", ".join(f"{piece.source} {checkpoint[piece.source].dtype}" for piece in one.pieces)
        raise UserError(f"{one.target}: its parts differ in dtype: {names}")
    spans = tuple(span for piece in one.pieces for span in _spans(piece, checkpoint[piece.source]))
    assert prod(one.shape) == sum(prod(checkpoint[piece.source].shape) for piece in one.pieces)
    return Output(one.target, dtypes.pop(), one.shape, spans)


def _spans(piece: Piece, entry: Entry) -> Iterator[Span]:
    """The bytes of a piece: axis 0 is outermost, so joining and reordering along it only moves whole runs."""
    if piece.order is None:
        yield Span(entry.path, entry.offset, entry.size)
        return
    size, rest = divmod(entry.size, len(piece.order))
    if rest:
        raise UserError(
            f"{piece.source}: {entry.dtype} cannot be split into {len(piece.order)} runs of whole bytes"
        )
    for index in piece.order:
        yield Span(entry.path, entry.offset + index * size, size)
