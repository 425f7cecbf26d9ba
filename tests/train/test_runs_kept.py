"""Kept runs: the page, TensorBoard's files, the index and its repair, tags, deletion, and a run repeated."""

import json
import re
import sqlite3
import xml.etree.ElementTree as ET
from pathlib import Path

import jsonschema
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from designer.cli import main
from designer.errors import UserError
from designer.lab.folder import delete, tag
from designer.lab.index import NAME, Filter, runs_in
from designer.presets import build
from designer.train import TrainOptions, train
from designer.train.board import write_board
from designer.train.figures import smooth
from designer.train.fitting import what_fits
from designer.train.page import html
from designer.train.plots import Line, plot, ticks
from designer.train.repeat import changed_design, compared, kept_options
from designer.train.report import RunReport, read_report

OPTIONS = TrainOptions(steps=4, batch_size=2, seeds=(5, 6), device="cpu", threads=1)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "first"
    train(build("dit-tiny"), folder, OPTIONS)
    return folder


def copied(run: Path, folder: Path, name: str, **changes: object) -> Path:
    """Make another run of the same files, with a changed report."""
    target = folder / name
    target.mkdir(parents=True)
    for file in ("design.json", "spec.json"):
        (target / file).write_text((run / file).read_text())
    report = json.loads((run / "report.json").read_text()) | changes
    (target / "report.json").write_text(json.dumps(report))
    return target


def test_the_report_follows_its_published_schema(run: Path) -> None:
    schema = json.loads(Path("docs/report.schema.json").read_text())
    jsonschema.validate(json.loads((run / "report.json").read_text()), schema)


def test_the_page_stands_alone(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert "<script" not in page and not re.search(r"(src|href)=", page)
    drawings = re.findall(r"<svg.*?</svg>", page, re.S)
    titles = [ET.fromstring(one).findtext("{http://www.w3.org/2000/svg}title") for one in drawings]
    assert titles[:2] == ["Loss per noise level (1: predicting zero)", "Gradient norm"]
    assert any(title and title.startswith("Residual growth") for title in titles)
    assert "torch " in page and read_report(run / "report.json").summary in page


def test_texts_of_a_report_are_escaped() -> None:
    report = RunReport("fail", "<b>x</b>", {"name": "<script>"}, {}, {})
    page = html(report)
    assert "<script>" not in page and "<b>x" not in page


def test_tensorboard_opens_the_event_files(run: Path, tmp_path: Path) -> None:
    read = EventAccumulator(str(run / "tensorboard" / "seed-6"))
    read.Reload()
    report = read_report(run / "report.json")
    losses = [event.value for event in read.Scalars("loss")]
    assert losses == pytest.approx(report.seeds[1].loss) and len(losses) == 4
    assert any(name.startswith("normalised_loss_by_noise_level/") for name in read.Tags()["scalars"])
    assert write_board(RunReport("crashed", "", {}, {}, {}), tmp_path) and not any(tmp_path.iterdir())


def test_a_run_is_repeated_to_the_same_losses(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = run.parent / "again"
    assert main(["train", "--from", str(run), "-o", str(again)]) in (0, 1)
    assert "the same losses as before at every step of 2 seeds" in capsys.readouterr().err
    first, second = read_report(run / "report.json"), read_report(again / "report.json")
    assert [seed.loss for seed in first.seeds] == [seed.loss for seed in second.seeds]
    assert kept_options(again) == kept_options(run)
    assert main(["train", "--from", str(run), "-o", str(run)]) == 2


def test_a_difference_is_named(run: Path) -> None:
    report = read_report(run / "report.json")
    other = json.loads((run / "report.json").read_text())
    other["seeds"][1]["loss"][2] += 1
    other["versions"]["torch"] = "1.0"
    (run / "other.json").write_text(json.dumps(other))
    said = compared(read_report(run / "other.json"), report)
    assert "seed 6 from step 3" in said and "torch 1.0 →" in said


def test_the_index_follows_the_folders(run: Path, tmp_path: Path) -> None:
    copied(run, tmp_path, "a", verdict="fail")
    b = copied(run, tmp_path, "b", verdict="ok")
    copied(run, tmp_path / "sweep" / "runs", "c", verdict="fail")
    assert {one.name for one in runs_in(tmp_path)} == {"a", "b", "sweep/runs/c"}
    assert {one.name for one in runs_in(tmp_path, Filter(verdicts=["fail"]))} == {"a", "sweep/runs/c"}
    assert tag(b, ["good", "dit"], ["none"]) == ("dit", "good")
    assert [one.name for one in runs_in(tmp_path, Filter(tags=["good", "dit"]))] == ["b"]
    assert tag(b, remove=["dit"]) == ("good",)
    assert runs_in(tmp_path, Filter(tags=["dit"])) == []
    known = runs_in(tmp_path, Filter(verdicts=["ok"]))[0]
    assert runs_in(tmp_path, Filter(designs=[known.hash[:8]])) and not runs_in(
        tmp_path, Filter(designs=["q"])
    )
    (b / "report.json").unlink()
    assert [one.name for one in runs_in(tmp_path, Filter(verdicts=["unfinished"]))] == ["b"]
    delete(b)
    assert {one.name for one in runs_in(tmp_path)} == {"a", "sweep/runs/c"}
    with pytest.raises(UserError, match="not the folder of a run"):
        delete(tmp_path / "sweep")


@pytest.mark.parametrize("damage", ["missing", "corrupt", "other version"])
def test_the_index_is_made_anew(run: Path, tmp_path: Path, damage: str) -> None:
    tag(copied(run, tmp_path, "a"), ["kept"])
    before, index = runs_in(tmp_path), tmp_path / NAME
    if damage == "missing":
        index.unlink()
    elif damage == "corrupt":
        index.write_bytes(b"no database" * 500)
    else:
        with sqlite3.connect(index) as connection:
            connection.execute("PRAGMA user_version = 99")
    assert runs_in(tmp_path) == before and before[0].tags == ("kept",)
    assert index.read_bytes().startswith(b"SQLite")


def test_the_command_line_lists_tags_and_deletes(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = copied(run, tmp_path, "a")
    assert main(["runs", "tag", str(a), "x"]) == 0
    assert main(["runs", "list", str(tmp_path), "--tag", "x"]) == 0
    assert "DiT" in capsys.readouterr().out
    assert main(["runs", "list", str(tmp_path), "--json"]) == 0
    assert [one["tags"] for one in json.loads(capsys.readouterr().out)["runs"]] == [["x"]]
    assert main(["runs", "tag", str(a), "two words"]) == 2
    assert main(["runs", "delete", str(tmp_path)]) == 2 and a.exists()
    assert main(["runs", "delete", str(a)]) == 0 and not a.exists()
    assert main(["runs", "list", str(a)]) == 2


def test_parameters_of_a_design_are_changed_by_name() -> None:
    design = build("dit-tiny")
    name = next(iter(design.main_definition.parameters))
    assert changed_design(design, {name: 3}).parameters[name] == 3
    with pytest.raises(UserError, match="no parameter 'no_such'"):
        changed_design(design, {"no_such": 1})


def test_plots_leave_gaps_and_say_nothing_without_points() -> None:
    svg = plot("a <b", [Line("x", [0, 1, 2, 3], [1.0, None, 10.0, float("inf")], "#000")], "x", "y", log=True)
    assert ET.fromstring(svg) is not None and svg.count("M") >= 4
    assert plot("t", [Line("x", [0], [None], "#000")], "x", "y") == ""
    assert ticks(0, 1) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert smooth([1.0, None, 3.0], 2) == [1.0, 1.0, 3.0]


def test_out_of_memory_says_what_would_fit(run: Path) -> None:
    asked = TrainOptions(batch_size=64, device="cpu")
    generous, tight = what_fits(run, asked, 2**40), what_fits(run, asked, 2**26)
    assert "it should have fitted" in generous and "most is kept by DiT/" in generous
    assert re.search(r"batch (1|2|4|8|16|32) fits", tight)
    assert "no batch fits" in what_fits(run, asked, 2**10)
    assert what_fits(run.parent, asked, 2**26) == ""


def test_a_run_out_of_memory_names_the_node_and_what_fits(tmp_path: Path) -> None:
    hungry = TrainOptions(
        steps=2, batch_size=4096, seeds=(0,), device="cpu", threads=1, memory_limit_bytes=2**29
    )
    report = train(build("dit-tiny"), tmp_path, hungry)
    assert report.verdict == "crashed" and report.crash is not None and report.crash.kind == "memory"
    assert report.crash.node.startswith(("DiT", "Attention", "Mlp")) and "fits" in report.crash.fits
    assert report.crash.fits in report.summary and report.crash.fits in (tmp_path / "report.html").read_text()
