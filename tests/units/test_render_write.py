"""Writing a rendering: what was edited by hand stays, what was not is replaced."""

import re
from pathlib import Path

import pytest

from designer.errors import UserError
from designer.examples import teaching_designs
from designer.render import Rendering, content_hash, is_untouched, render, write

DESIGNS = teaching_designs()


@pytest.fixture(scope="module")
def rendering() -> Rendering:
    """The source of the smallest teaching design."""
    return render(DESIGNS["teach-two-convolutions"])


@pytest.fixture(scope="module")
def other() -> Rendering:
    """The source of another design."""
    return render(DESIGNS["teach-shared-weights"])


def test_the_header_names_design_hash_and_command(rendering: Rendering) -> None:
    header = rendering.files["model.py"].split('"""')[1]
    assert header.startswith("Two convolutions\n")
    assert DESIGNS["teach-two-convolutions"].hash() in header and "designer render DESIGN -o DIR" in header


def test_the_content_hash_is_of_everything_but_itself(rendering: Rendering) -> None:
    text = rendering.files["model.py"]
    stated = re.findall(r"^content ([0-9a-f]{16})$", text, flags=re.MULTILINE)
    assert stated == [content_hash(text)] and is_untouched(text)
    assert not is_untouched(text.replace("x = ", "y = ", 1))
    assert not is_untouched(text.replace(stated[0], "0123456789abcdef"))
    assert not is_untouched(text + "\n") and not is_untouched("print()\n")


def test_same_design_same_bytes(rendering: Rendering) -> None:
    assert render(DESIGNS["teach-two-convolutions"]).files == rendering.files


def test_an_untouched_file_is_replaced(rendering: Rendering, other: Rendering, tmp_path: Path) -> None:
    assert write(rendering, tmp_path / "a" / "b") == [tmp_path / "a" / "b" / "model.py"]
    write(other, tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b" / "model.py").read_text() == other.files["model.py"]


@pytest.mark.parametrize("edit", ["append", "replace", "binary"])
def test_an_edited_file_is_kept_unless_forced(
    rendering: Rendering, other: Rendering, tmp_path: Path, edit: str
) -> None:
    path = tmp_path / "model.py"
    text = rendering.files["model.py"]
    mine = {"append": text + "# mine\n", "replace": "mine\n", "binary": "\udcff\x00"}[edit].encode(
        "utf-8", "surrogateescape"
    )
    path.write_bytes(mine)
    with pytest.raises(UserError, match=r"model\.py: was edited by hand; .* --force"):
        write(other, tmp_path)
    assert path.read_bytes() == mine
    write(other, tmp_path, force=True)
    assert path.read_text() == other.files["model.py"]


def test_the_source_map_names_the_node_of_each_line(rendering: Rendering) -> None:
    lines = rendering.files["model.py"].splitlines()
    found = {(one["node"], lines[one["line"] - 1].strip()) for one in rendering.source_map}
    assert ("conv_in", "self.conv_in = nn.Conv2d(1, channels, 3, padding=1)") in found
    assert {one["definition"] for one in rendering.source_map} == {"Denoiser"}
    assert {one["node"] for one in rendering.source_map} == {"conv_in", "embed", "add_t", "act", "conv_out"}
