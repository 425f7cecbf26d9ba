"""A callable named module:callable, which a child process imports and exports."""

import os
from pathlib import Path

from designer.child import ask
from designer.importers import Imported


def read_callable(source: str, weights: Path) -> tuple[Imported, list[str]]:
    """Return the design of a callable and its unknown operators; its weights are saved in the file `weights`.

    Executes the code that `source` names, in a child process. Raises UserError when it cannot be exported.
    """
    question = {"source": source, "folder": os.getcwd(), "weights": str(weights)}
    answer = ask("designer.sources.pytorch.worker", question, "importing the callable")
    return Imported(answer["document"]), answer["unknown"]
