"""What would fit where a training did not: predicted memory of smaller batches and of checkpointed repeats."""

from collections.abc import Callable
from pathlib import Path

from designer.errors import UserError
from designer.train.options import TrainOptions


def what_fits(run_dir: Path, options: TrainOptions, limit: int) -> str:
    """Say which batch of the run's design is predicted to fit into `limit` bytes, and which node keeps most.

    "" where the run has no design or its cost is unknown.
    """
    from designer.document import load
    from designer.summary import Summary, elaborated, summarize_frame

    if not (run_dir / "design.json").exists():
        return ""
    batch = options.batch_size
    try:
        design = load(run_dir / "design.json")
        frame = elaborated(design)

        def at(size: int) -> Summary:
            return summarize_frame(design, frame, {"B": size}, options.precision)

        asked = at(batch)
        found = _largest(lambda size: at(size).memory.training, batch, limit)
    except (UserError, MemoryError):
        return ""
    parts = [f"predicted for batch {batch}: {_size(asked.memory.training)} of {_size(limit)}"]
    if found:
        size, needed = found
        parts.append(f"batch {size} fits ({_size(needed)})" if size < batch else "it should have fitted")
    else:
        fixed = asked.memory.weights + asked.memory.gradients + asked.memory.optimizer
        parts.append(f"no batch fits: weights, gradients and AdamW alone take {_size(fixed)}")
    saved = asked.memory.training_checkpointed
    if asked.memory.training > limit >= saved:
        parts.append(f"so does batch {batch} with repeats checkpointed ({_size(saved)})")
    if asked.nodes:
        most = max(asked.nodes, key=lambda node: node.activation_bytes)
        parts.append(f"most is kept by {design.main}/{most.node} ({_size(most.activation_bytes)})")
    return "; ".join(parts)


def _largest(cost: Callable[[int], int], batch: int, limit: int) -> tuple[int, int] | None:
    """Return the largest of `batch`, its half, its quarter … that fits, and its cost."""
    while batch:
        if (needed := cost(batch)) <= limit:
            return batch, needed
        batch //= 2
    return None


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 / 10 else f"{count / 2**20:.1f} MiB"
