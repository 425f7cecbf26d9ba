"""What the child processes of exporting and sampling share: their environment, and an end with their parent."""

import os
import threading
from pathlib import Path


def child_environment() -> dict[str, str]:
    """Return the environment of a child: this program importable, whatever the working directory."""
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def end_with_parent() -> None:
    """End this process when its standard input ends: the parent holds the other end as long as it lives."""

    def wait() -> None:
        while os.read(0, 4096):
            continue
        os._exit(3)

    threading.Thread(target=wait, daemon=True).start()
