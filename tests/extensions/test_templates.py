"""A folder of templates of the user: one template replaced, the rest ours; mistakes are one message."""

from pathlib import Path

import pytest

from designer import extensions
from designer.cli import main
from designer.errors import UserError
from designer.presets import build
from designer.render import is_untouched, render

CLASS = Path(__file__).parents[2] / "templates" / "class.py.jinja"


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(extensions.TEMPLATES, "")


def test_one_template_is_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    text = CLASS.read_text().replace("(nn.Module):", "(nn.Module):  # ours")
    (mine / "class.py.jinja").write_text(text)
    design, out = tmp_path / "d.json", tmp_path / "out"
    assert main(["new", "ddpm-tiny", "-o", str(design)]) == 0
    assert main(["render", str(design), "-o", str(out), "--templates", str(mine)]) == 0
    written = (out / "model.py").read_text()
    assert "class UNet(nn.Module):  # ours" in written and is_untouched(written)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{% for %}", "class.py.jinja, line 1"),
        ("{{ nothing }}", "'nothing' is undefined"),
        ("{{ 1 // 0 }}", "cannot be used"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{% include 'absent' %}", "absent"),
        ("{{ range(10**9) | list }}", "Range too big"),
        ("no python (", "is no Python"),
    ],
)
def test_a_template_that_does_not_work_is_one_message(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "class.py.jinja").write_text(text)
    extensions.use(templates=tmp_path)
    with pytest.raises(UserError, match=message):
        render(build("ddpm-tiny"))


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--templates: .* is no folder"):
        extensions.use(templates=tmp_path / "none")
