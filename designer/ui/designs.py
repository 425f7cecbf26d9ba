"""Opening and saving, as the page asks for it."""

from functools import cache
from pathlib import Path

from designer.document import Design, loads
from designer.presets import build, presets
from designer.ui.answers import Answer, field, request
from designer.ui.workspace import Opened, Workspace

FIRST_PRESET = "dit-s-2"


class Designs:
    """The designs that one page can reach: the one it begins with, presets, files of the workspace."""

    def __init__(self, workspace: Workspace, first: Opened, device: str = "") -> None:
        self.workspace = workspace
        self.first = first
        self.device = device

    def start_session(self, _: str) -> Answer:
        """What the page begins with, and edits that an earlier page could not save."""
        begin = self.first
        if begin.file is not None and self.workspace.path(begin.file).exists():
            begin = self.workspace.open(begin.file)
        return {
            **begin.to_json(),
            "recovered": self.workspace.recovered(),
            "workspace": str(self.workspace.folder),
            "device": self.device,
        }

    def list_presets(self, _: str) -> Answer:
        """Every preset with its family, title, parameter count and summary."""
        return {"presets": _preset_entries()}

    def open_preset(self, text: str) -> Answer:
        """A design from the preset named `id`."""
        return Opened(build(field(request(text), "id"))).to_json()

    def list_files(self, _: str) -> Answer:
        """The designs of the workspace, the latest first."""
        return {"files": self.workspace.files()}

    def open_file(self, text: str) -> Answer:
        """The design of the workspace file `name`."""
        return self.workspace.open(field(request(text), "name")).to_json()

    def save_file(self, text: str) -> Answer:
        """Save `document` as `name`; {"conflict": true} when the file changed since `base` was read."""
        values = request(text)
        design = loads(field(values, "document"))
        saved = self.workspace.save(
            field(values, "name"), design, values.get("base"), values.get("force") is True
        )
        return {"conflict": True} if saved is None else saved.to_json()

    def autosave(self, text: str) -> Answer:
        """Keep `document`, or with null drop what was kept."""
        values = request(text)
        if values.get("document") is None:
            self.workspace.forget()
            return {"saved_at": 0.0}
        file = values.get("file")
        return {
            "saved_at": self.workspace.autosave(
                field(values, "document"), file if isinstance(file, str) else None
            )
        }


@cache
def _preset_entries() -> list[Answer]:
    """What the gallery shows; presets do not change while the app runs."""
    return [preset.to_json() for preset in presets()]


def first_design(design: Design | None, workspace: Workspace, file: str | None = None) -> Opened:
    """Return what the page begins with: the design given, else a preset. Raises UserError for an unreadable file."""
    if design is None:
        return Opened(build(FIRST_PRESET))
    return workspace.open(file) if file is not None else Opened(design)


def describe_device() -> str:
    """Say where smoke-trains run, without importing torch: a GPU when its driver is loaded."""
    return "GPU" if Path("/proc/driver/nvidia/version").exists() else "CPU"
