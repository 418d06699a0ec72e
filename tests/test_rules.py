"""House rules that a linter does not know, read from the files themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentrl import registry

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("agentrl", "envs", "sandboxes", "verifiers")
FOLDERS = (*SOURCES, "benchmarks", "docs", "examples", "tests")
MAX_LINES = 400

FORBIDDEN = {
    "eval": "runs text as code",
    "exec": "runs text as code",
    "__import__": "runs text as code",
    "os.system": "goes through a shell",
    "os.popen": "goes through a shell",
    "pickle.load": "runs what the bytes say",
    "pickle.loads": "runs what the bytes say",
    "marshal.loads": "runs what the bytes say",
    "shelve.open": "runs what the bytes say",
    "sympy.sympify": "evaluates text",
    "sympify": "evaluates text",
    "parse_expr": "evaluates text",
    "yaml.load": "builds any object",
}
_INSIDE = "it runs the program that the box is for, behind every lock"
_FROM_TRAINER = "what it reads comes from the trainer, over a socket that no program has"
ALLOWED: dict[tuple[str, str], str] = {  # (file, call) and why it is safe there
    ("sandboxes/_boot.py", "exec"): _INSIDE,
    ("sandboxes/_drivers/functions.py", "exec"): _INSIDE,
    ("sandboxes/_zygote/program.py", "exec"): _INSIDE,
    ("sandboxes/_bwrap/box.py", "marshal.loads"): _FROM_TRAINER,
    ("sandboxes/_wire.py", "marshal.loads"): _FROM_TRAINER,
}

# A home folder or a mount of one machine; a path inside a web address is not one.
MACHINE_PATH = re.compile(r"(?<![\w./:~-])/(?:work|root|Users|home/\w+|mnt|opt/pypi)/\w")

CARD_HEADS = ("Covered", "Not covered")


def files(folders: tuple[str, ...], *suffixes: str) -> list[Path]:
    """Files of the tree, caches and the package's links to the plug-in folders left out."""
    linked = [link for name in SOURCES if (link := ROOT / "agentrl" / name).is_symlink()]
    found = (p for folder in folders for p in (ROOT / folder).rglob("*") if p.suffix in suffixes and p.is_file())
    return sorted(p for p in found if "__pycache__" not in p.parts and not any(p.is_relative_to(x) for x in linked))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def unsafe_calls(tree: ast.AST) -> Iterator[tuple[str, int, str]]:
    """Calls that would run what a model wrote: name, line, and what is wrong with it."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        if name in FORBIDDEN:
            yield name, node.lineno, FORBIDDEN[name]
        for keyword in node.keywords:
            if keyword.arg == "shell" and not (isinstance(keyword.value, ast.Constant) and not keyword.value.value):
                yield "shell=True", node.lineno, "goes through a shell"


def test_files_are_short() -> None:
    paths = files(FOLDERS, ".py")
    assert len(paths) > 20
    lengths = {named(p): len(p.read_text(encoding="utf-8").splitlines()) for p in paths}
    assert {name: n for name, n in lengths.items() if n > MAX_LINES} == {}


def test_nothing_runs_untrusted_text() -> None:
    found = {(named(p), name) for p in files(SOURCES, ".py") for name, _, _ in unsafe_calls(ast.parse(p.read_text()))}
    assert found == set(ALLOWED), "a call that is safe where it stands goes into ALLOWED with its reason"


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("eval(reply)", ["eval"]),
        ("exec(reply, {})", ["exec"]),
        ("pickle.loads(data)", ["pickle.loads"]),
        ("subprocess.run(line, shell=True)", ["shell=True"]),
        ("subprocess.run(line, shell=flag)", ["shell=True"]),
        ("subprocess.run(words, shell=False)", []),
        ("model.eval(); re.compile(x); ast.literal_eval(x)", []),
    ],
)
def test_checker_sees_a_planted_call(code: str, names: list[str]) -> None:
    assert [name for name, _, _ in unsafe_calls(ast.parse(code))] == names


def test_no_path_of_one_machine() -> None:
    paths = files(FOLDERS, ".py", ".md", ".toml", ".json", ".jsonl", ".yaml", ".html", ".js")
    paths += [p for p in ROOT.iterdir() if p.suffix in (".md", ".toml") or p.name == "Makefile"]
    found = [
        f"{named(p)}:{i}"
        for p in paths
        if p != Path(__file__)
        for i, line in enumerate(p.read_text(encoding="utf-8").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "caught"),
    [
        ('open("/home/ann/data")', True),
        ("cache = /Users/ann", True),
        ("see /work/x.md", True),
        ("https://site.org/home/ann/page", False),
        ("runs/home/ann", False),
        ("/tmp/x and /dev/null and /etc/passwd", False),
    ],
)
def test_checker_sees_a_planted_path(text: str, caught: bool) -> None:
    assert bool(MACHINE_PATH.search(text)) == caught


def plugins() -> list[tuple[registry.Kind, str]]:
    kinds: tuple[registry.Kind, ...] = ("env", "verifier", "sandbox")
    return [(kind, id) for kind in kinds for id in registry.ids(kind)]


@pytest.mark.parametrize(("kind", "id"), plugins())
def test_plugin_has_a_card(kind: registry.Kind, id: str) -> None:
    card = registry.load_module(kind, id).__doc__ or ""
    first = card.strip().partition("\n")[0]
    assert first.endswith("."), "the card's first line is a sentence: `agentrl list` prints it"
    missing = [head for head in CARD_HEADS if not re.search(rf"\b{head}\b", card)]
    assert missing == [], f"{registry.load_module(kind, id).__file__}: the card does not say what it leaves out"
