"""What is generated from the code is what is committed."""

import pytest

from designer.regen import ROOT, generated


def _files() -> list[tuple[str, str]]:
    return list(generated())


@pytest.mark.parametrize(("name", "text"), _files(), ids=[name for name, _ in _files()])
def test_generated_file_is_fresh(name: str, text: str) -> None:
    path = ROOT / name
    assert path.is_file(), f"{name} is missing; run make regen"
    assert path.read_text(encoding="utf-8") == text, f"{name} is stale; run make regen"
