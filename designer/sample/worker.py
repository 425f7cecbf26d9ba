"""The child process of sampling: `python -m designer.sample.worker SPEC.json` prints JSON lines.

Executes the rendered source that SPEC names and saves the images to SPEC's `images` as .npy.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from designer.export.child import end_with_parent
from designer.sample.loop import Recipe, draw
from designer.sample.network import torch_network
from designer.train.inputs import InputSpec
from designer.train.limits import bound_memory


def main(arguments: list[str]) -> int:
    """Draw as the specification file says; what the rendered code prints goes to standard error."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(event: dict[str, Any]) -> None:
        stream.write(json.dumps(event) + "\n")
        stream.flush()

    end_with_parent()
    spec = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    try:
        bound_memory(None, "cpu")
        inputs = tuple(map(InputSpec.from_json, spec["inputs"]))
        network = torch_network(Path(spec["code"]), spec["class"], Path(spec["weights"]), inputs)
        start = np.load(spec["start"]) if spec["start"] else None
        recipe = Recipe.from_json(spec["recipe"])
        images = draw(network, recipe, lambda done, of: say({"step": [done, of]}), start)
        np.save(spec["images"], images)
    except Exception as error:  # the reason travels to the parent, which says it without a traceback
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        say({"error": f"{kind}{' '.join(str(error).split())[:600]}"})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
