"""Video networks export to ONNX with frames, height and width free."""

from pathlib import Path

import pytest

from designer.export import export_onnx
from designer.presets import build


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["latte-tiny", "wan-tiny", "cogvideox-tiny", "svd-tiny"])
def test_video_presets_export(tmp_path: Path, preset: str) -> None:
    report = export_onnx(build(preset), tmp_path)
    assert report.ok
    assert {1, 4} & {one.at["T"] for one in report.parity}
