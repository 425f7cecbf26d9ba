"""One export of each tiny preset, made once."""

import pytest

from designer.export import export_onnx
from designer.presets import build


@pytest.fixture(scope="session")
def exports(tmp_path_factory):
    """Exports by preset: (folder, report, messages), made when first asked for."""
    root, made = tmp_path_factory.mktemp("exports"), {}

    def get(preset):
        if preset not in made:
            messages = []
            report = export_onnx(build(preset), root / preset, on_progress=messages.append)
            made[preset] = root / preset, report, messages
        return made[preset]

    return get
