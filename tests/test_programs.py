"""The records of sandboxes, and the one place where a path of a box is judged."""

from __future__ import annotations

import posixpath
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentrl.errors import UsageError
from agentrl.programs import PROTECTIONS, Capabilities, ExecResult, Limits, Python, check_path


@pytest.mark.parametrize("name", Limits.__slots__)
@pytest.mark.parametrize("value", [0, -1, False, True, float("nan")])
def test_a_limit_is_above_zero(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"the limit {name} must be above 0"):
        Limits(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", Limits.__slots__)
@pytest.mark.parametrize("value", [float("inf"), 2**40, 2.5])
def test_a_limit_is_a_bounded_time_or_whole_number(name: str, value: float) -> None:
    if value == 2.5 and name.endswith("_s"):
        assert getattr(Limits(**{name: value}), name) == 2.5  # type: ignore[arg-type]
        return
    with pytest.raises(UsageError, match=rf"the limit {name} must be (below 2\*\*40|a whole number), got {value}"):
        Limits(**{name: value})  # type: ignore[arg-type]


def test_the_cpu_limit_is_reached_before_the_wall_limit() -> None:
    assert Limits().cpu_s < Limits().wall_s


@pytest.mark.parametrize(
    ("path", "short"),
    [
        ("a.txt", "a.txt"),
        ("./a//b/", "a/b"),
        ("...", "..."),
        ("a/..b", "a/..b"),
        ("ü 😀/-x", "ü 😀/-x"),
        ("n" * 255, "n" * 255),
        ("/".join("d" * 32), "/".join("d" * 32)),
    ],
)
def test_a_path_within_the_box(path: str, short: str) -> None:
    assert check_path(path) == short


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "/",
        "//",
        "/a",
        "..",
        "../a",
        "a/..",
        "a/../b",
        "a/../../b",
        "a\0b",
        "\0",
        "n" * 256,
        "ü" * 128,
        "a/" * 33,
    ],
)
def test_a_path_out_of_the_box(path: str) -> None:
    with pytest.raises(UsageError, match="a file of the box"):
        check_path(path)


@given(st.text(alphabet="ab./\0", max_size=12))
def test_an_accepted_path_stays_below_and_is_its_own_short_form(path: str) -> None:
    try:
        short = check_path(path)
    except UsageError:
        return
    assert check_path(short) == short
    assert not short.startswith("/")
    assert posixpath.normpath(posixpath.join("/box", short)).startswith("/box/")
    assert PurePosixPath(short) == PurePosixPath(path)


@pytest.mark.parametrize(
    ("status", "ran"),
    [("ok", True), ("nonzero", True), ("oom", True), ("setup_failed", False), ("infra_error", False)],
)
def test_only_the_machine_keeps_a_program_from_running(status: str, ran: bool) -> None:
    assert ExecResult(status).ran == ran  # type: ignore[arg-type]


def test_results_are_equal_whatever_they_took() -> None:
    box = Capabilities("a", 1, frozenset())
    assert ExecResult("ok", 0, wall_s=1.0, cpu_s=0.5, max_rss_mib=9.0, box=box) == ExecResult("ok", 0)
    assert ExecResult("ok", 0, stdout=b"x") != ExecResult("ok", 0)


def test_programs_are_values() -> None:
    assert Python("x", ("a",)) == Python("x", ("a",))
    assert Python("x") != Python("x", env={"A": "1"})
    assert "tree_kill" in PROTECTIONS
