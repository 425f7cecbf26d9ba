"""Weights as files: rearranged as in memory, in bounded memory, atomically; damage and pickles are named."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from designer.cli import main
from designer.document import load
from designer.errors import UserError
from designer.importers import Imported, Rule
from designer.importers.weights import convert
from designer.render import load_model, render
from designer.sources import config as config_source
from designer.weights.checkpoint import read_checkpoint
from designer.weights.convert import convert_file
from designer.weights.file import read_header
from tests.importers.test_protocol import document

RULES = (
    *(Rule(rf"to_{name}\.(weight|bias)", r"qkv.\1", part=(k, 3)) for k, name in enumerate("qkv")),
    Rule("norm.weight", "ada.weight", order=(1, 0)),
    Rule("steps", ""),
)
SHAPES = {"qkv.weight": (12, 4), "qkv.bias": (12,), "ada.weight": (6, 1)}


def tensors(dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    found = {f"to_{name}.weight": torch.randn(4, 4).to(dtype) for name in "qkv"}
    found |= {f"to_{name}.bias": torch.randn(4).to(dtype) for name in "qkv"}
    return {**found, "norm.weight": torch.randn(6).to(dtype), "steps": torch.zeros((), dtype=torch.int64)}


def sharded(folder: Path) -> Path:
    """Write the tensors in two shards with an index."""
    items, index = list(tensors().items()), {}
    for number, part in enumerate((items[:3], items[3:]), 1):
        file = f"model-0000{number}-of-00002.safetensors"
        save_file(dict(part), folder / file)
        index |= {name: file for name, _ in part}
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": index}), encoding="utf-8")
    return path


DTYPES = [torch.float32, torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_file_is_rearranged_as_tensors_in_memory_are(tmp_path: Path, dtype: torch.dtype):
    save_file(tensors(dtype), tmp_path / "in.safetensors")
    convert_file(RULES, read_checkpoint(tmp_path / "in.safetensors"), SHAPES, tmp_path / "out.safetensors")
    found, wanted = load_file(tmp_path / "out.safetensors"), convert(RULES, tensors(dtype), SHAPES)
    assert found.keys() == wanted.keys()
    assert all(found[name].dtype == dtype for name in wanted)
    bits = [
        {name: one.contiguous().view(torch.uint8) for name, one in side.items()} for side in (found, wanted)
    ]
    assert all(torch.equal(bits[0][name], bits[1][name]) for name in wanted)


def test_shards_are_found_through_their_index_or_folder(tmp_path: Path):
    index = sharded(tmp_path)
    for source in (index, tmp_path):
        convert_file(RULES, read_checkpoint(source), SHAPES, tmp_path / "out" / "out.safetensors")
        assert torch.equal(
            load_file(tmp_path / "out" / "out.safetensors")["qkv.bias"][:4], tensors()["to_q.bias"]
        )


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    big = torch.zeros(24, 2**20)
    save_file({"w": big, "v": big.clone()}, tmp_path / "in.safetensors")
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from designer.importers import Rule\n"
        "from designer.weights.checkpoint import read_checkpoint\n"
        "from designer.weights.convert import convert_file\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "rules = (Rule('w', 'x', (0, 2)), Rule('v', 'x', (1, 2)))\n"
        "convert_file(rules, read_checkpoint(Path(sys.argv[1])), {'x': (48, 2**20)}, Path(sys.argv[2]))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    paths = [str(tmp_path / "in.safetensors"), str(tmp_path / "out.safetensors")]
    grown = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, check=True)
    assert int(grown.stdout) < 16 * 1024  # kB, for a file of 201 MB


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.safetensors", b"", "its header does not fit the file"),
        ("m.safetensors", (10**9).to_bytes(8, "little") + b"{}", "its header does not fit the file"),
        ("m.safetensors", (2).to_bytes(8, "little") + b"[]", "its header cannot be read"),
        ("m.safetensors", (2).to_bytes(8, "little") + b"{}xx", "is 12 bytes long; its tensors need 10"),
        ("m.safetensors", b"PK\x03\x04" + bytes(60), "can execute code and is refused"),
        ("m.bin", b"\x80\x02" + bytes(60), "can execute code and is refused"),
        ("m.safetensors.index.json", b"{}", 'expected JSON with a "weight_map"'),
        ("m.safetensors.index.json", b'{"weight_map": {"w": "../x"}}', "must lie in the folder of the index"),
        ("m.safetensors.index.json", b'{"weight_map": {"w": "x"}}', "names x, which is not there"),
    ],
)
def test_damaged_and_pickled_checkpoints_are_named(tmp_path: Path, name: str, content: bytes, message: str):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as error:
        read_checkpoint(tmp_path / name)
    assert message in str(error.value) and name in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data_offsets": [0, 4]}, "overlap another tensor's or leave a gap"),
        ({"data_offsets": [8, 12]}, "overlap another tensor's or leave a gap"),
        ({"data_offsets": [4, 12], "shape": [2]}, "ends at byte"),
        ({"data_offsets": [4, 10**15], "shape": [10**15 // 4 - 1]}, "ends at byte"),
        ({"data_offsets": [4, -4]}, "are no sizes of a tensor"),
        ({"data_offsets": [4]}, "expected dtype, shape and data_offsets"),
        ({"shape": [2**70]}, "are no sizes of a tensor"),
        ({"shape": [True]}, "are no sizes of a tensor"),
        ({"shape": [1] * 100}, "are no sizes of a tensor"),
        ({"shape": None}, "expected dtype, shape and data_offsets"),
        ({"dtype": "F64"}, "F64 [1] needs 8 bytes, its place has 4"),
        ({"dtype": "F5"}, "the dtype 'F5' is not known"),
        ({"dtype": []}, "the dtype [] is not known"),
    ],
)
def test_a_lying_header_is_refused_by_the_name_of_its_tensor(tmp_path: Path, changes: dict, message: str):
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    lying = {**entry, "data_offsets": [4, 8], **changes}
    header = json.dumps({"honest": entry, "lying": lying}).encode()
    (tmp_path / "m.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(UserError) as error:
        read_header(tmp_path / "m.safetensors")
    assert message in str(error.value) and "lying:" in str(error.value)


@pytest.fixture
def toy_import(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every configuration be one linear layer."""
    monkeypatch.setattr(config_source, "convert_config", lambda arguments: Imported(document(4), RULES))


def test_import_writes_design_and_weights_of_a_model_folder(tmp_path: Path, toy_import: None, capsys):
    (tmp_path / "config.json").write_text('{"_class_name": "Toy"}', encoding="utf-8")
    save_file({n: t for n, t in tensors().items() if n != "norm.weight"}, tmp_path / "w.safetensors")
    design, out = tmp_path / "design.json", tmp_path / "new" / "out.safetensors"
    assert main(["import", str(tmp_path), "-o", str(design), "--weights-out", str(out), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["weights"] == {"path": str(out), "tensors": 2, "bytes": 240}
    assert [one["name"] for one in report["inputs"]] == ["sample"]
    assert load_file(out).keys() == {"qkv.weight", "qkv.bias"}
    assert main(["import", str(tmp_path), "-o", str(design)]) == 2  # it exists
    assert "--force" in capsys.readouterr().err


def test_an_import_that_fails_writes_nothing(tmp_path: Path, toy_import: None, capsys):
    (tmp_path / "config.json").write_text('{"_class_name": "Toy"}', encoding="utf-8")
    save_file({"to_q.weight": torch.zeros(4, 4), "odd": torch.zeros(1)}, tmp_path / "w.safetensors")
    design, out = tmp_path / "design.json", tmp_path / "out.safetensors"
    assert main(["import", str(tmp_path), "-o", str(design), "--weights-out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "odd: is left over" in said and "qkv.bias: is missing" in said
    assert not design.exists() and not out.exists()


@pytest.mark.parametrize(
    ("source", "content", "message"),
    [
        ("absent.json", None, "absent.json: cannot be read (No such file or directory)"),
        ("config.json", "{", "config.json: not valid JSON"),
        ("config.json", "[]", "expected a JSON object of arguments, received list"),
        ("config.json", '{"_class_name": "NoSuchModel"}', "'NoSuchModel' has no importer"),
        ("model.tflite", "", "expected a diffusers config.json or model folder"),
    ],
)
def test_sources_that_cannot_be_used_are_named(tmp_path: Path, capsys, source: str, content, message: str):
    if content is not None:
        (tmp_path / source).write_text(content, encoding="utf-8")
    assert main(["import", str(tmp_path / source), "-o", str(tmp_path / "design.json")]) == 2
    assert message in capsys.readouterr().err


def test_a_configuration_is_imported_with_its_weights_without_torch(tmp_path: Path):
    """In one process that never loads PyTorch: what it takes is the interpreter, the design and a buffer."""
    from diffusers import DiTTransformer2DModel

    model = DiTTransformer2DModel(num_attention_heads=2, attention_head_dim=4, num_layers=2, sample_size=4)
    model.save_pretrained(tmp_path / "model")
    code = (
        "import subprocess, sys\n"
        "from designer.cli import main\n"
        "subprocess.Popen = None\n"
        "status = main(['import', sys.argv[1], '-o', sys.argv[2], '--weights-out', sys.argv[3]])\n"
        "sys.exit(status or 'torch' in sys.modules or 'safetensors' in sys.modules)\n"
    )
    out = tmp_path / "out.safetensors"
    arguments = [str(tmp_path / "model"), str(tmp_path / "design.json"), str(out)]
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True)
    rendered = load_model(render(load(tmp_path / "design.json")))()
    rendered.load_state_dict(load_file(out), strict=True)
