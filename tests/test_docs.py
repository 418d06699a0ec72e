"""What the pages show is what happens: their Python runs, their marked commands print what stands below them.

A fenced block counts by its info string. Every `python` block of the README runs, top to bottom, in one
namespace; with `title="x.py"` it is a file in the folder where the rest runs. A `console` block runs if
`<!-- tested -->` stands before it; `...` in its output matches anything. A command ends with 0, or with what it
says itself: `# exits 1`.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentrl import registry

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = sorted([README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])

FENCE = re.compile(r"^(?P<mark><!-- tested -->\n)?```(?P<info>[^\n]*)\n(?P<body>.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#+ +(.+)$", re.M)
SMALLEST = "reverse.py"
KINDS: dict[str, registry.Kind] = {
    "environments": "env",
    "verifiers": "verifier",
    "sandboxes": "sandbox",
    "policies": "policy",
    "recipes": "recipe",
}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    title: str
    body: str
    is_tested: bool


def blocks(text: str) -> list[Block]:
    found = []
    for match in FENCE.finditer(text):
        language, _, rest = match["info"].partition(" ")
        title = re.search(r'title="([^"]+)"', rest)
        found.append(Block(language, title[1] if title else "", match["body"], match["mark"] is not None))
    return found


def commands(body: str) -> Iterator[tuple[str, int, str]]:
    """Each `$ command` of a console block with its exit status and the output below it."""
    for chunk in re.split(r"^\$ ", body, flags=re.M)[1:]:
        line, _, output = chunk.partition("\n")
        command, *status = re.split(r" +# exits (\d+)$", line)
        yield command, int(status[0]) if status else 0, output


def run(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command line, without a shell, with the scripts of this Python first on the path."""
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
    }
    words = shlex.split(command)
    return subprocess.run(
        words, cwd=cwd, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown page's headings make."""
    prose = FENCE.sub("", text)
    return {re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in HEADING.findall(prose)}


def broken_links(page: Path) -> list[str]:
    """Links to files or headings that are not there."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in LINK.finditer(FENCE.sub("", text)):
        target, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        path = page.parent / target if target else page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            found.append(match["target"])
    return found


@pytest.fixture(scope="module")
def readme() -> list[Block]:
    return blocks(README.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(readme: list[Block], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README shows."""
    place = tmp_path_factory.mktemp("readme")
    for block in readme:
        if block.title:
            (place / block.title).write_text(block.body, encoding="utf-8")
    return place


def test_smallest_environment_is_at_most_15_lines(readme: list[Block]) -> None:
    (body,) = [b.body for b in readme if b.title == SMALLEST]
    lines = body.splitlines()
    assert 0 < len(lines) <= 15
    assert max(map(len, lines)) <= 110


def test_smallest_environment_passes_the_check(folder: Path) -> None:
    done = run(f"agentrl check {SMALLEST}", folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_python_runs(readme: list[Block], folder: Path) -> None:
    source = "\n".join(b.body for b in readme if b.language == "python" and not b.title)
    assert "import agentrl" in source
    done = run(f"{shlex.quote(sys.executable)} -W error -c {shlex.quote(source)}", folder)
    assert done.returncode == 0, done.stderr


def test_readme_commands_print_what_they_show(readme: list[Block], folder: Path) -> None:
    tested = [shown for b in readme if b.is_tested for shown in commands(b.body)]
    assert len(tested) >= 3
    checker = doctest.OutputChecker()
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for command, status, expected in tested:
        done = run(command, folder)
        assert done.returncode == status, f"{command}\n{done.stdout}{done.stderr}"
        assert checker.check_output(expected, done.stdout, flags), f"{command} printed:\n{done.stdout}"


@pytest.mark.parametrize("row", KINDS)
def test_readme_names_plugins_that_exist(row: str) -> None:
    found = re.search(rf"^\| {row} \| (.*) \|$", README.read_text(encoding="utf-8"), re.M)
    assert found is not None
    named, existing = set(re.findall(r"`(\w+)`", found[1])), set(registry.ids(KINDS[row]))
    existing -= {id for kind, id in registry._registered if kind == KINDS[row]}  # by other tests
    assert named == existing


def test_readme_tree_names_files_that_exist(readme: list[Block]) -> None:
    (tree,) = [b.body for b in readme if b.language == "text" and not b.title]
    entries = re.findall(r"^( *)([\w./]+) ", tree, re.M)
    folder, paths = ROOT, []
    for indent, name in entries:
        paths.append((folder if indent else ROOT) / name)
        folder = folder if indent else ROOT / name
    assert len(paths) > 20
    assert [p.relative_to(ROOT).as_posix() for p in paths if not p.exists()] == []


def test_readme_makes_a_promise_of_two_commands(readme: list[Block]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = re.findall(r"^\$? ?make ([a-z]+)", "\n".join(b.body for b in readme), re.M)
    assert {"demo", "test"} <= set(shown)
    assert [t for t in shown if not re.search(rf"^{t}:", makefile, re.M)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_resolve(page: Path) -> None:
    assert broken_links(page) == []


def test_checker_sees_a_broken_link(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A `b` c\n[x](#a-b-c) [y](#no) [z](gone.md) [w](https://example.org) [v](page.md#a-b-c)\n")
    assert broken_links(page) == ["#no", "gone.md"]


def test_blocks_and_commands_are_found() -> None:
    console = "a\n<!-- tested -->\n```console\n$ one -x\nout\nmore\n$ two # exits\n$ three  # exits 141\nend\n```\n"
    text = console + '```python title="a.py"\nx = 1\n```\n'
    first, second = blocks(text)
    assert (first.language, first.is_tested) == ("console", True)
    assert list(commands(first.body)) == [
        ("one -x", 0, "out\nmore\n"),
        ("two # exits", 0, ""),
        ("three", 141, "end\n"),
    ]
    assert second == Block("python", "a.py", "x = 1\n", False)
