"""The state dict's shapes of a rendered model, found by constructing it without memory in a child process."""

import tempfile
from pathlib import Path
from typing import Any

from designer.child import answer, ask
from designer.render import Rendering, write


def state_shapes(rendering: Rendering) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of the rendered model's state dict, in its order."""
    with tempfile.TemporaryDirectory(prefix="designer-source-") as folder:
        write(rendering, folder)
        question = {"source": folder, "class": rendering.class_name}
        shapes = ask("designer.weights.shapes", question, "constructing the rendered model")
    return {name: tuple(shape) for name, shape in shapes}


def _construct(question: dict[str, Any]) -> list[tuple[str, list[int]]]:
    import torch

    from designer.render import load_model

    with torch.device("meta"):
        model = load_model(Path(question["source"]), question["class"])()
    return [(name, list(tensor.shape)) for name, tensor in model.state_dict().items()]


if __name__ == "__main__":
    raise SystemExit(answer(_construct))
