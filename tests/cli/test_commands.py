"""Every command of the contract: what it prints on stdout, what `--json` holds, its exit status."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from designer.document import load, save, to_json
from designer.examples import teaching_designs
from designer.presets import build
from designer.reader import read_design
from designer.render import load_model
from designer.version import __version__

COMMANDS = (
    "ui", "presets", "blocks", "rules", "new", "check", "summary", "render", "train", "export", "bench", "serve",
    "sample",
)  # fmt: skip
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("command", COMMANDS)
def test_help(designer, command: str) -> None:
    result = designer(command, "--help")
    assert result.status == 0 and result.out.startswith(f"usage: designer {command}") and not result.err
    assert command in designer("--help").out


def test_version(designer) -> None:
    assert designer("--version").out == f"designer {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["frobnicate"], ["check"], ["check", "a", "b"], ["new", "dit-tiny"]]
)
def test_a_wrong_call_is_explained_on_stderr(designer, arguments: list[str]) -> None:
    result = designer(*arguments)
    assert result.status == 2 and not result.out and result.err.startswith("usage: designer")


def test_presets(designer) -> None:
    found = designer("presets", "--json").json
    assert isinstance(found, list)
    for one in found:
        assert {"id", "family", "title", "parameters", "inputs", "summary"} <= one.keys()
        assert isinstance(one["parameters"], int) and one["summary"] and one["title"]
        assert all(port.keys() == {"name", "role", "shape"} for port in one["inputs"])
    counts = {one["id"]: one["parameters"] for one in found}
    assert len(counts) == len(found)
    assert (counts["ddpm-cifar10"], counts["dit-s-2"]) == (35_746_307, 32_963_360)
    table = designer("presets").out
    assert "ddpm-cifar10" in table and "35,746,307" in table


def test_blocks(designer) -> None:
    found = designer("blocks", "--json").json
    for one in found:
        keys = {
            "name",
            "title",
            "family",
            "summary",
            "formula",
            "inputs",
            "outputs",
            "parameters",
            "stability",
        }
        assert keys <= one.keys(), one["name"]
        assert all({"name", "type", "help"} <= parameter.keys() for parameter in one["parameters"])
    assert {"Conv2d", "SelfAttention", "AdaLNZero"} <= {one["name"] for one in found}
    assert "Conv2d" in designer("blocks").out


def test_rules(designer) -> None:
    found = designer("rules", "--json").json
    for one in found:
        assert {"code", "title", "severity", "what", "why", "example", "instead"} <= one.keys()
    assert {"S001", "S009", "G011"} <= {one["code"] for one in found}
    assert "S001" in designer("rules").out
    page = designer("rules", "G014").out
    assert page.startswith("## G014 ") and "**Use instead.**" in page
    assert [one["code"] for one in designer("rules", "G014", "--json").json] == ["G014"]
    unknown = designer("rules", "G999")
    assert unknown.status == 2 and "G999" in unknown.err


def test_advice_at_many_places_is_counted(designer, tmp_path: Path) -> None:
    path = tmp_path / "idle.json"
    document = to_json(build("ddpm-tiny"))
    document["definitions"]["UNet"]["nodes"] |= {f"idle_{one}": {"call": "UnitGate"} for one in range(5)}
    save(read_design(document), path)
    lines = designer("check", path).err.splitlines()
    assert sum("S013" in line for line in lines[:-1]) == 3 and lines[-1].startswith("and 2 of S013 more")
    assert sum("S013" in line for line in designer("check", path, "--all").err.splitlines()) == 5


def test_new_writes_a_family_with_its_parameters_set(designer, tmp_path: Path) -> None:
    path = tmp_path / "folder" / "mine.json"
    arguments = ("new", "dit-tiny", "-o", path, "--set", "depth=2", "--set", "mlp_ratio=2.5")
    result = designer(*arguments)
    assert (result.status, result.out, result.err) == (0, f"{path}\n", "")
    design = load(path)
    assert (design.parameters["depth"], design.parameters["mlp_ratio"], design.preset) == (2, 2.5, "dit-tiny")
    again = designer(*arguments)
    assert again.status == 2 and "exists" in again.err and not again.out
    assert designer(*arguments, "--force").status == 0


def test_check(designer, new: Callable[..., Path]) -> None:
    path = new("ddpm-tiny")
    result = designer("check", path, "--json")
    assert result.status == 0 and not result.err
    assert result.json.keys() == {"ok", "certificate", "diagnostics", "shapes", "stability"}
    assert round(result.json["stability"]["nodes"]["UNet/norm_out"]["activation"]["rms"], 9) == 1
    assert result.json["ok"] is True
    assert result.json["certificate"] == "valid for B ≥ 1; H, W ≡ 0 (mod 4)"
    assert result.json["shapes"]["UNet/x->conv_in.x"] == "B 1 H W"
    plain = designer("check", path)
    assert (plain.status, plain.out, plain.err) == (0, "ok: valid for B ≥ 1; H, W ≡ 0 (mod 4)\n", "")


def test_check_of_a_wrong_design(designer, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    save(teaching_designs()["teach-broken-skip"], path)
    result = designer("check", path, "--json")
    assert result.status == 1 and result.json["ok"] is False and result.json["certificate"] == ""
    error = result.json["diagnostics"][0]
    keys = {"code", "severity", "node", "port", "message", "received", "expected", "fix", "reference"}
    assert keys <= error.keys()
    assert (error["code"], error["severity"]) == ("S016", "error")
    plain = designer("check", path)
    assert plain.status == 1 and plain.err.startswith("error S016 UNet/up_1") and "error" in plain.out


def test_summary(designer, new: Callable[..., Path]) -> None:
    path = new("dit-tiny")
    found = designer("summary", path, "--json").json
    totals = ("parameters", "trainable", "flops", "activation_bytes_forward", "activation_bytes_training")
    assert {*totals, "nodes"} <= found.keys()
    assert sum(node["parameters"] for node in found["nodes"]) == found["parameters"]
    assert sum(node["flops"] for node in found["nodes"]) == found["flops"]
    twice = designer("summary", path, "--at", "B=2", "--json").json
    assert (twice["flops"], twice["parameters"]) == (2 * found["flops"], found["parameters"])
    assert twice["at"] == {"B": 2, "H": 16, "W": 16}
    table = designer("summary", path).out
    assert f"{found['parameters']:,}" in table and "final_layer" in table


@pytest.mark.parametrize("preset", ["ddpm-tiny", "dit-tiny"])
def test_render(designer, new: Callable[..., Path], tmp_path: Path, preset: str) -> None:
    path, folder = new(preset), tmp_path / "out"
    found = designer("render", path, "-o", folder, "--json").json
    assert found.keys() == {"class", "module", "inputs", "outputs", "files"}
    assert found["files"] == ["model.py"] and found["module"] == "model"
    assert all({"name", "shape", "dtype"} <= one.keys() for one in (*found["inputs"], *found["outputs"]))
    model = load_model(folder, found["class"])()  # constructible without arguments, as designed
    sizes = {"B": 2, "H": 16, "W": 16}
    inputs = {
        one["name"]: torch.ones(
            [sizes.get(size, size) for size in one["shape"]], dtype=getattr(torch, one["dtype"])
        )
        for one in found["inputs"]
    }
    out = model(**inputs)
    assert list(out.shape) == [sizes.get(size, size) for size in found["outputs"][0]["shape"]]
    plain = designer("render", path, "-o", folder)
    names = ", ".join(f"{one['name']}: {one['dtype']}[" for one in found["inputs"][:1])
    assert plain.out.splitlines()[0].startswith(f"{found['class']}.forward({names}")
    assert plain.out.splitlines()[1] == str(folder / "model.py")


def test_render_keeps_what_was_edited_by_hand(designer, new: Callable[..., Path], tmp_path: Path) -> None:
    path, folder = new("dit-tiny"), tmp_path / "out"
    assert designer("render", path, "-o", folder).status == 0
    model = folder / "model.py"
    edited = model.read_text() + "\n# mine\n"
    model.write_text(edited)
    result = designer("render", path, "-o", folder)
    assert result.status == 2 and "was edited by hand" in result.err and "--force" in result.err
    assert model.read_text() == edited
    assert designer("render", path, "-o", folder, "--force").status == 0
    assert "# mine" not in model.read_text()


def test_train_export_and_sample(designer, new: Callable[..., Path], tmp_path: Path) -> None:
    path, run, folder = new("dit-tiny", "--set", "depth=1"), tmp_path / "run", tmp_path / "export"
    trained = designer("train", path, "--steps", "2", "--batch-size", "2", "--seed", "0", "-o", run, "--json")
    assert trained.status in (0, 1) and trained.json["verdict"] in ("ok", "warn", "fail")
    assert trained.status == (0 if trained.json["verdict"] in ("ok", "warn") else 1)
    assert json.loads((run / "report.json").read_text())["verdict"] == trained.json["verdict"]
    exported = designer("export", path, "--check", "-o", folder, "--json")
    assert exported.status == 0 and exported.json["ok"] is True and (folder / "model.onnx").is_file()
    image = tmp_path / "grid.png"
    sampled = designer("sample", run, "--sampler", "ddim", "--steps", "2", "-n", "2", "-o", image)
    assert (sampled.status, sampled.out) == (0, f"{image}\n") and image.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("command", ["--help", "check --help", "blocks --json", "rules", "presets"])
def test_quick_commands_do_not_import_torch(command: str) -> None:
    code = (
        "import sys\nfrom designer.cli import main\n"
        f"try:\n    main({command.split()!r})\nexcept SystemExit:\n    pass\n"
        "print([name for name in ('torch', 'gradio', 'numpy', 'onnx') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stderr == "[]\n"


def test_as_a_program(tmp_path: Path) -> None:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "designer", *arguments], capture_output=True, text=True, cwd=ROOT
        )

    done = call("new", "ddpm-tiny", "-o", str(tmp_path / "d.json"))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / 'd.json'}\n", "")
    missing = call("check", str(tmp_path / "none.json"))
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr == f"designer: {tmp_path / 'none.json'}: no such file\n"


def test_a_reader_that_goes_away_is_no_error() -> None:
    program = f"{sys.executable} -m designer blocks --json | head -1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout == "[\n" and not done.stderr
