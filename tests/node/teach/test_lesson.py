"""Teaching by folders of pictures: each located as in an inspection; the result is a new version of
the program that judges.

One file: what a lesson takes and refuses is seen on the same folders of pictures.
"""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from deploy.cli.command import main
from node.frame import Frame, Pixels
from node.locate import locate
from node.measure import measure
from node.program import LoadedProgram, load
from schemas import Problem, StoredProgram, as_program
from schemas.store.accounts import Accounts
from schemas.store.programs import Programs
from tests.rooms.installation.processes import NodeProcess, free_port
from tests.rooms.pictures.scenes import Scene

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]
REGION = {"x": 60, "y": 50, "width": 140, "height": 120}


def shot(seed: int, spoilt: bool = False) -> Pixels:
    """The part somewhere in the picture, in different light; a spoilt one has a red spot."""
    dice = np.random.default_rng(seed)
    x, y = (70, 60) if seed == 0 else (70 + dice.uniform(-30, 30), 60 + dice.uniform(-30, 30))
    scene = Scene.plain(280, 240, (60.0, 60.0, 60.0)).part(x, y)
    if spoilt:
        scene = scene.disc(x + 70, y + 60, 9, (10.0, 10.0, 200.0))
    return scene.lit(dice.uniform(0.95, 1.05)).pixels(3, seed)


def folder(path: Path, pictures: dict[str, Pixels]) -> Path:
    path.mkdir(parents=True)
    for name, pixels in pictures.items():
        cv2.imwrite(str(path / name), pixels)
    return path


@pytest.fixture
def site(tmp_path: Path) -> NodeProcess:
    """Settings, and a program with tools that are not taught yet."""
    made = NodeProcess(tmp_path, free_port(), [{"id": "cam1", "camera": {"kind": "synthetic"}}])
    region = {"x": 75, "y": 65, "width": 110, "height": 90}
    document = {
        "schema": "program/1",
        "id": "cap",
        "name": "Cap",
        "master": "master.png",
        "locator": {"kind": "pattern", "region": region, "low": 0.6},
        "tools": [
            {"kind": "learned", "name": "look", "region": REGION, "size_px": 128},
            {
                "kind": "classify",
                "name": "spot",
                "region": REGION,
                "expected": "clean",
                "size_px": 96,
            },
            {"kind": "brightness", "name": "light", "region": REGION, "low": 1.0},
        ],
    }
    master = bytes(cv2.imencode(".png", shot(0))[1])
    programs(made).save(as_program(document), master, "test")
    return made


def programs(site: NodeProcess) -> Programs:
    state = Path(str(site.config.parent / "state"))
    for line in site.config.read_text().splitlines():
        if line.startswith("state_dir"):
            state = Path(json.loads(line.split("=", 1)[1]))
    return Programs(state / "programs")


@pytest.fixture
def run(site: NodeProcess, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        code = main(["teach", *map(str, words), "--config", str(site.config)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


def loaded(site: NodeProcess) -> tuple[StoredProgram, LoadedProgram]:
    store = programs(site)
    stored = store.get("cap")
    return stored, load(
        stored.program, stored.version, stored.hash, store.master(stored.program), store.file
    )


def verdicts(program: LoadedProgram, pixels: Pixels) -> dict[str, str]:
    frame = Frame(pixels, 0, 0.0, "test", simulated=True)
    _, placement = locate(frame, program.program.locator, program.locator)
    results = [finding.result for finding in measure(frame, placement, program)]
    return {
        result.name: result.error.code if result.error else result.verdict for result in results
    }


def facts(answer: tuple[int, str, str]) -> dict[str, Any]:
    assert answer[0] == 0, answer[2]
    return dict(json.loads(answer[1]))


def test_a_tool_is_taught_judges_and_takes_one_more_picture(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    assert verdicts(loaded(site)[1], shot(50)) == {
        "look": "NOT_TAUGHT",
        "spot": "NOT_TAUGHT",
        "light": "OK",
    }
    good = folder(tmp_path / "good", {f"{seed:02}.png": shot(seed) for seed in range(1, 11)})
    told = facts(run("cap", "look", good, "--json"))
    assert (told["version"], told["good"], told["bad"]) == (2, 10, 0)
    with closing(Accounts(site.state / "accounts.db")) as accounts:
        (row,) = accounts.audit(None, 10, None, "program.teach")
    assert (row.target, row.username.startswith("local:")) == ("cap", True)
    assert json.loads(row.details) == {"tool": "look", "pictures": 10, "version": 1}
    assert 0 < told["expected_false_rejects"] <= 0.05
    assert told["one_in"] == 3
    assert (
        told["promise"] == "at most 1 good part in 3 is rejected, in 95% of draws of such pictures"
    )
    assert "10 different pictures do not tell, 80 would" in told["not_promised"]
    assert (
        loaded(site)[0].note
        == f"taught look from 10 pictures: at most 1 good part in 3 rejected, {told['drawn_found']}"
        " of 36 drawn faults caught"
    )
    assert told["good_values"][0] < 1
    stored, program = loaded(site)
    assert stored.program.tools[0].model == told["model"]  # type: ignore[union-attr]
    assert program.tools[0].learned.bank.told == (3, told["drawn_found"], 36)
    assert [verdicts(program, shot(seed))["look"] for seed in (50, 51, 52)].count("OK") >= 2
    assert [verdicts(program, shot(seed, spoilt=True))["look"] for seed in (60, 61, 62)] == [
        "NG"
    ] * 3

    one = folder(tmp_path / "one", {"more.png": shot(70)}) / "more.png"
    more = facts(run("cap", "look", one, "--add", "--json"))
    assert (more["version"], more["good"]) == (3, 11)
    bad = folder(tmp_path / "bad", {f"{seed}.png": shot(seed, spoilt=True) for seed in (80, 81)})
    with_bad = facts(run("cap", "look", one, "--bad", bad, "--add", "--json"))
    assert (with_bad["good"], with_bad["bad"], with_bad["bad_found"], with_bad["alike"]) == (
        11,
        2,
        2,
        ["more.png"],
    )


def test_classes_are_taught_from_a_folder_each(site: NodeProcess, run: Run, tmp_path: Path) -> None:
    for name, spoilt in (("clean", False), ("spotted", True)):
        folder(
            tmp_path / "classes" / name, {f"{seed}.png": shot(seed, spoilt) for seed in range(1, 6)}
        )
    told = facts(run("cap", "spot", "--classes", tmp_path / "classes", "--json"))
    assert told["classes"] == {"clean": 5, "spotted": 5}
    assert told["left_out_wrong"] == 0
    _, program = loaded(site)
    assert all(verdicts(program, shot(seed))["spot"] == "OK" for seed in (50, 51))
    assert all(verdicts(program, shot(seed, spoilt=True))["spot"] == "NG" for seed in (60, 61))


def test_what_people_see_is_a_table_and_no_bar_in_a_pipe(run: Run, tmp_path: Path) -> None:
    good = folder(tmp_path / "good", {f"{seed}.png": shot(seed) for seed in range(1, 6)})
    code, out, err = run("cap", "look", good)
    assert code == 0
    assert "cap version 2: taught look from 5 pictures" in out
    assert "expected false rejects" in out
    assert err == ""


def test_what_cannot_be_taught_from_is_told_and_changes_nothing(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    few = folder(tmp_path / "few", {f"{seed}.png": shot(seed) for seed in range(1, 4)})
    (tmp_path / "empty").mkdir()
    broken = folder(tmp_path / "broken", {"1.png": shot(1)})
    (broken / "2.png").write_bytes(b"<svg/>")
    small = folder(tmp_path / "small", {"1.png": shot(1)[:100]})
    absent = folder(tmp_path / "absent", {"gone.png": Scene.plain(280, 240, (60.0,) * 3).pixels(3)})
    one = folder(tmp_path / "classes" / "clean", {"1.png": shot(1), "2.png": shot(2)}).parent
    odd = folder(tmp_path / "odd" / "no good name", {"1.png": shot(1)}).parent
    for words, code, text in (
        (["cap", "look", few], "PICTURES_UNFIT", "3 good pictures"),
        (["cap", "look", tmp_path / "empty"], "PICTURES_UNFIT", "empty"),
        (["cap", "look", tmp_path / "nowhere"], "PICTURES_UNFIT", "nowhere"),
        (["cap", "look", broken], "IMAGE_INVALID", "broken/2.png"),
        (["cap", "look", small], "IMAGE_SIZE", "small/1.png"),
        (["cap", "look", absent], "PART_NOT_FOUND", "absent/gone.png"),
        (["cap", "look"], "PICTURES_UNFIT", "good pictures"),
        (["cap", "look", few, "--add"], "NOT_TAUGHT", "--add"),
        (["cap", "spot", few], "PICTURES_UNFIT", "--classes"),
        (["cap", "spot", "--classes", one], "PICTURES_UNFIT", "two classes"),
        (["cap", "spot", "--classes", odd], "PICTURES_UNFIT", "no good name"),
        (["cap", "light", few], "PROGRAM_INVALID", "brightness"),
        (["cap", "other", few], "PROGRAM_INVALID", "look, spot"),
        (["nut", "look", few], "PROGRAM_NOT_FOUND", "nut"),
    ):
        exit_code, out, err = run(*words)
        assert (exit_code, out) == (1, ""), words
        assert code in err, (words, err)
        assert text in err, (words, err)
    assert loaded(site)[0].version == 1


def test_bad_and_classes_do_not_go_together(run: Run, tmp_path: Path) -> None:
    assert run("cap", "look", tmp_path, "--bad", tmp_path, "--classes", tmp_path)[0] == 64


def test_a_model_that_does_not_load_makes_the_program_invalid_and_names_the_tool(
    site: NodeProcess,
) -> None:
    store = programs(site)
    stored = store.get("cap")
    document = stored.program.document()
    document["tools"][0]["model"] = "0" * 64 + ".npz"
    for files in (lambda name: b"PK no arrays", store.file):
        with pytest.raises(Problem, match=r"PROGRAM_INVALID.*tool look"):
            load(as_program(document), 1, "", store.master(stored.program), files)


def test_what_a_taught_tool_would_catch_is_told(run: Run, tmp_path: Path) -> None:
    good = folder(tmp_path / "good", {f"{seed}.png": shot(seed) for seed in range(1, 11)})
    told = facts(run("cap", "look", good, "--json"))
    assert told["drawn"] == 36
    assert ("warning" in told) == (told["drawn_found"] < 18)


def test_a_limit_from_few_pictures_is_never_without_a_warning(run: Run, tmp_path: Path) -> None:
    """This holds however well it catches what is drawn: 5 good cookies let half of the bad ones
    pass, and would catch half of what is drawn."""
    good = folder(tmp_path / "good", {f"{seed}.png": shot(seed) for seed in range(1, 6)})
    told = facts(run("cap", "look", good, "--json"))
    assert told["one_in"] == 1
    assert str(told["drawn_found"]) in told["warning"]
    assert "teach" in told["warning"]


def test_a_tool_that_catches_nothing_says_so(run: Run, tmp_path: Path) -> None:
    """Five parts that have hardly anything in common, so that a fault is nothing new."""
    plain = Scene.plain(280, 240, (60.0, 60.0, 60.0))
    shown = {
        f"{seed}.png": (
            plain.clutter(seed, 200)
            .part(70, 60)
            .clutter(50 + seed, 90)
            .part(70, 60)
            .lit(1)
            .pixels(20, seed)
        )
        for seed in range(5)
    }
    _, out, err = run("cap", "look", folder(tmp_path / "good", shown))
    assert "catches nothing" in out, err


def test_an_odd_picture_is_named_and_taught_when_it_is_confirmed(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    good = folder(
        tmp_path / "good",
        {f"{seed:02}.png": shot(seed) for seed in range(1, 11)}
        | {"odd.png": shot(30, spoilt=True)},
    )
    told = facts(run("cap", "look", good, "--json"))
    assert (told["good"], told["check"]) == (10, ["good/odd.png"])
    assert told["one_in"] == 2  # it may be good, and would be rejected
    assert verdicts(loaded(site)[1], shot(30, spoilt=True))["look"] == "NG"
    again = facts(run("cap", "look", good / "odd.png", "--add", "--json"))
    assert (again["good"], again["check"]) == (10, ["odd.png"])
    code, out, _ = run("cap", "look", good / "odd.png", "--add")
    assert (code, "--add --confirm NAME" in out) == (0, True)
    confirmed = facts(
        run("cap", "look", good / "odd.png", "--add", "--confirm", "odd.png", "--json")
    )
    assert (confirmed["good"], confirmed["check"]) == (11, [])
    assert verdicts(loaded(site)[1], shot(30, spoilt=True))["look"] == "OK"
    assert run("cap", "look", good, "--confirm", "nobody.png")[0] == 1


def test_a_class_of_few_pictures_is_told_beside_the_version(
    site: NodeProcess, run: Run, tmp_path: Path
) -> None:
    for name, spoilt, count in (("clean", False, 5), ("spotted", True, 3)):
        folder(
            tmp_path / "classes" / name,
            {f"{seed}.png": shot(seed, spoilt) for seed in range(1, count + 1)},
        )
    told = facts(run("cap", "spot", "--classes", tmp_path / "classes", "--json"))
    assert "'spotted': 3" in told["too_few"]
    assert "too few of a class: {'spotted': 3}" in loaded(site)[0].note
