"""Reports are complete, self-contained and escaped."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from agentrl.errors import MissingExtraError, UsageError
from agentrl.evaluation import report
from agentrl.evaluation.report import html, learning_curve
from agentrl.store import Run
from agentrl.types import Message, Node, Provenance, Rollout, Task, Verdict

EVIL = "<script>alert('1')</script> & more"


def episode(task: int, step: int, *, solved: bool) -> Rollout:
    verdict = Verdict(1.0, "correct") if solved else Verdict(0.0, "no_answer")
    nodes = (
        Node(-1, Message("user", EVIL), earlier=(Message("system", "Be brief."),)),
        Node(0, Message("assistant", f"{EVIL} {task}"), reward=verdict.score, verdict=verdict),
    )
    return Rollout(f"{step}/{task}/0", Task.ask(f"t{task}<b>", EVIL, EVIL), nodes, "done", Provenance("Made"))


@pytest.fixture
def trained(tmp_path: Path) -> Run:
    run = Run.create(tmp_path / "run<1>", {"recipe": EVIL, "optim": {"lr": 0.5}})
    run.commit("eval/before", [episode(t, 0, solved=t == 0) for t in range(4)])
    for step in range(6):
        run.commit(f"train/step_{step:06d}", [episode(t, step, solved=t <= step) for t in range(4)])
    run.commit("eval/step_000003", [episode(t, 0, solved=t <= 2) for t in range(4)])
    run.commit("eval/after", [episode(t, 0, solved=True) for t in range(4)])
    return run


class Tags(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(path: Path) -> Tags:
    parser = Tags()
    parser.feed(path.read_text())
    assert parser.open == []
    return parser


def test_the_page_is_self_contained_and_escaped(trained: Run, tmp_path: Path) -> None:
    page = read(html(trained, tmp_path / "report.html"))
    assert "script" not in page.tags
    assert "b" in page.tags
    assert EVIL in page.text
    assert [link[:22] for link in page.links] == ["data:image/png;base64,"]


def test_the_page_says_the_headline_and_the_change(trained: Run, tmp_path: Path) -> None:
    text = read(html(trained, tmp_path / "report.html")).text
    assert text.index("before") < text.index("step_000003") < text.index("after")
    assert "1.000 [0.473, 1.000]" in text  # 4 of 4 tasks: 0.05 ** (1 / 4)
    assert "First to last, on the same 4 tasks" in text
    assert "+0.750" in text
    assert "optim.lr = 0.5" in text


def test_the_page_tells_of_attempts_where_there_are_several(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {})
    asked, again = Node(-1, Message("user", EVIL)), Node(1, Message("user", "Again."))
    wrong = Node(0, Message("assistant", EVIL), reward=0.0, verdict=Verdict(0.0, "incorrect"))
    right = Node(2, Message("assistant", "yes"), reward=1.0, verdict=Verdict(1.0, "correct"))
    twice = (asked, wrong, again, right)
    run.commit("eval/eval", [Rollout("0/0/0", Task.ask("t", "q"), twice, "done", Provenance("Made"))])
    page = read(html(run, tmp_path / "report.html", turns=2))
    assert "Correction over 2 attempts" in page.text
    assert "incorrect to correct (i->c)1.000 [0.050, 1.000]" in page.text
    assert "break rate: c->i of the correct-" in page.text
    assert "needs 2 samples a task" in page.text
    assert "Correction" not in read(html(run, tmp_path / "report.html")).text


def test_the_page_shows_one_example_of_each_status(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {})
    run.commit("eval/eval", [episode(t, 0, solved=t == 7) for t in range(9)])
    text = read(html(run, tmp_path / "report.html")).text
    assert "correct, reward 1, task t7<b>" in text
    assert text.count("no_answer, reward 0") == 2
    assert "Training" not in text


def test_long_replies_are_cut_in_the_page(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {})
    long = Node(0, Message("assistant", "x" * 50_000), reward=0.0, verdict=Verdict(0.0, "incorrect"))
    asked = Node(-1, Message("user", "q"))
    run.commit("eval/eval", [Rollout("0/0/0", Task.ask("t", "q"), (asked, long), "done", Provenance("Made"))])
    assert "46000 more characters" in read(html(run, tmp_path / "report.html")).text


def test_the_curve_is_a_picture(trained: Run, tmp_path: Path) -> None:
    path = learning_curve(trained, tmp_path / "curve.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_curve_has_labels_points_and_intervals(trained: Run) -> None:
    figure = report._draw(report._training(trained), report._evaluations(trained, 6), "title")
    above, below = figure.axes
    assert "reward" in above.get_ylabel()
    assert below.get_xlabel() == "training step"
    assert np.asarray(above.lines[0].get_ydata()).tolist() == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    points = above.containers[0][0]
    assert points.get_xdata().tolist() == [0, 3, 6]
    assert points.get_ydata().tolist() == [0.25, 0.75, 1.0]


def test_a_long_run_is_thinned_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "_MOST_STEPS", 3)
    run = Run.create(tmp_path / "run", {})
    for step in range(9):
        run.commit(f"train/step_{step:06d}", [episode(0, step, solved=True)])
    assert [p.step for p in report._training(run)] == [0, 4, 8]


def test_smoothing_by_hand() -> None:
    smooth = report._smooth(np.array([0.0, 3.0, float("nan"), 6.0]))
    assert smooth.tolist() == [1.5, 1.5, 4.5, 6.0]


def test_what_there_is_nothing_of_is_an_error(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {})
    with pytest.raises(UsageError, match="no training steps"):
        learning_curve(run, tmp_path / "curve.png")
    broken = Rollout("0/0/0", Task.ask("t", "q"), (Node(-1, Message("user", "q")),), "infra_error", Provenance("Made"))
    run.commit("train/step_000000", [broken])
    with pytest.raises(UsageError, match="no scored rollouts"):
        html(run, tmp_path / "report.html")
    with pytest.raises(UsageError, match="no training steps"):
        learning_curve(run, tmp_path / "curve.png")


def test_without_matplotlib(trained: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match=r"agentrl\[report\]"):
        learning_curve(trained, tmp_path / "curve.png")
    assert "No curve: drawing needs matplotlib" in read(html(trained, tmp_path / "report.html")).text
