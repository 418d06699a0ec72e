"""Imports point one way: read from the source with `ast`, so that nothing is imported to find out."""

from __future__ import annotations

import ast
import graphlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

ROOT = Path(__file__).resolve().parents[1]

LAYERS: tuple[tuple[str, ...], ...] = (  # a part may import its own row and the rows above it
    (
        "types",
        "protocols",
        "errors",
        "codec",
        "spaces",
        "config",
        "registry",
        "data",
        "golds",
        "grading",
        "memo",
        "environment",
        "programs",
        "sandbox",
        "workers",
        "_worker",
    ),
    ("sandboxes",),
    ("verifiers",),
    ("envs",),
    ("conformance", "probes", "render", "players", "episodes", "store", "models"),
    ("policies",),
    ("collect", "rewards", "learn", "evaluation", "audit", "canaries", "replay"),
    ("recipes",),
    ("view", "interop", "scale"),
    ("commands", "cli"),
)
LEAVES = ("view", "interop", "scale")
"""Leaves import what lies above them; only the command line imports a leaf."""

FACADE = ""
UPWARD: dict[tuple[str, str], str] = {  # imports inside a function or under TYPE_CHECKING that go up, and why
    ("episodes", "policies"): "`rollout` opens a policy that is given by its id",
}

HEAVY = frozenset(
    (
        "accelerate",
        "datasets",
        "gguf",
        "matplotlib",
        "peft",
        "ray",
        "safetensors",
        "sympy",
        "torch",
        "transformers",
        "trl",
        "vllm",
    )
)
SHARED = "_reading"
"""What all verifiers share; any other folder is private to the verifiers that it is named for."""

MAY_BE_HEAVY = ("policies", "learn", "recipes")


@dataclass(frozen=True)
class Import:
    """One import statement's target, as written in one file."""

    source: str
    target: str
    when: Literal["load", "call", "typing"]
    line: int

    @property
    def parts(self) -> tuple[str, str]:
        """The parts of agentrl at both ends."""
        return part(self.source), part(self.target)


def part(module: str) -> str:
    """`agentrl.learn.credit` -> `learn`; the facade itself is the empty string."""
    return module.split(".")[1] if "." in module else FACADE


def modules(root: Path) -> dict[str, Path]:
    """Dotted name to file for everything in the package `agentrl` under a root, links followed."""
    found = {}
    for folder, _, names in os.walk(root / "agentrl", followlinks=True):
        for name in names:
            if name.endswith(".py"):
                path = Path(folder) / name
                dotted = ".".join(path.relative_to(root).with_suffix("").parts)
                found[dotted.removesuffix(".__init__")] = path
    return found


def imports(source: str, path: Path, known: set[str]) -> Iterator[Import]:
    """Every import in a file, with the moment at which it happens."""

    def visit(node: ast.AST, when: Literal["load", "call", "typing"]) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(source, alias.name, when, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            home = node.module or ""
            for alias in node.names:
                submodule = f"{home}.{alias.name}"
                yield Import(source, submodule if submodule in known else home, when, node.lineno)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for statement in node.body:
                yield from visit(statement, "typing")
            for statement in node.orelse:
                yield from visit(statement, when)
        else:
            inner = "call" if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) else when
            for child in ast.iter_child_nodes(node):
                yield from visit(child, inner)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), "load")


def all_imports(root: Path) -> list[Import]:
    """Every import of every file of the package."""
    files = modules(root)
    known = set(files) | {name.rpartition(".")[0] for name in files}
    return [found for name, path in sorted(files.items()) for found in imports(name, path, known)]


def is_ours(found: Import) -> bool:
    return found.target.split(".")[0] == "agentrl"


def goes_up(found: Import) -> bool:
    """Whether an import leaves its row downwards, or reaches for the facade, a leaf's or a recipe's peer."""
    source, target = found.parts
    if source == FACADE:
        return found.when == "load" and target != "registry"
    if target == FACADE:
        return source not in LAYERS[-1]
    if source == target:
        own_helper = found.target.rpartition(".")[2].startswith("_")
        return source == "recipes" and found.target not in ("agentrl.recipes", found.source) and not own_helper
    return rank(target) > rank(source) or (source in LEAVES and target in LEAVES)


def rank(name: str) -> int:
    """The row of a part.

    Raises:
        KeyError: It is in no row: a new part must be given its place.
    """
    for index, row in enumerate(LAYERS):
        if name in row:
            return index
    raise KeyError(f"agentrl.{name} is in no row of LAYERS")


def violations(found: Sequence[Import]) -> list[str]:
    """The imports that go up without leave."""
    return [
        f"{i.source}:{i.line} imports {i.target} ({i.when})"
        for i in found
        if is_ours(i) and goes_up(i) and (i.when == "load" or i.parts not in UPWARD)
    ]


def between_folders(found: Sequence[Import]) -> list[str]:
    """The imports of one verifier's private folder in that of another."""
    return [
        f"{i.source}:{i.line} imports {i.target}"
        for i in found
        if i.parts == ("verifiers", "verifiers")
        and (source := private_folder(i.source))
        and private_folder(i.target) not in ("", SHARED, source)
    ]


def private_folder(module: str) -> str:
    """`agentrl.verifiers._math.tree` -> `_math`; the empty string for what is in none."""
    name = module.split(".")[2] if module.count(".") > 1 else ""
    return name if name.startswith("_") else ""


def heavy_at_load(found: Sequence[Import]) -> list[str]:
    """The imports of heavy libraries at module level outside the parts that live on them."""
    return [
        f"{i.source}:{i.line} imports {i.target}"
        for i in found
        if i.when == "load" and i.target.split(".")[0] in HEAVY and part(i.source) not in MAY_BE_HEAVY
    ]


@pytest.fixture(scope="module")
def found() -> list[Import]:
    return all_imports(ROOT)


def test_imports_point_one_way(found: list[Import]) -> None:
    assert len(found) > 50
    assert violations(found) == []


def test_verifiers_keep_to_their_own_folders(found: list[Import]) -> None:
    assert any(private_folder(i.source) and private_folder(i.target) == SHARED for i in found)
    assert between_folders(found) == []


def test_modules_load_in_some_order(found: list[Import]) -> None:
    graph: dict[str, set[str]] = {}
    for i in found:
        if is_ours(i) and i.when == "load" and i.target != i.source:
            graph.setdefault(i.source, set()).add(i.target)
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


def test_every_exception_is_in_use(found: list[Import]) -> None:
    assert {i.parts for i in found if is_ours(i) and goes_up(i) and i.when != "load"} == set(UPWARD)


def test_heavy_libraries_load_late(found: list[Import]) -> None:
    assert heavy_at_load(found) == []


@pytest.mark.parametrize(
    ("file", "code", "caught"),
    [
        ("types.py", "import agentrl.store", True),
        ("types.py", "from agentrl import store", True),
        ("types.py", "def f():\n    from agentrl.store import X", True),
        ("types.py", "if TYPE_CHECKING:\n    from agentrl.store import X", True),
        ("types.py", "if TYPE_CHECKING:\n    pass\nelse:\n    import agentrl.store", True),
        ("verifiers/a.py", "from agentrl.envs.b import B", True),
        ("envs/b.py", "from agentrl import Env", True),
        ("learn/loop.py", "from agentrl.view import page", True),
        ("interop/trl.py", "from agentrl.view import page", True),
        ("recipes/a.py", "from agentrl.recipes.b import main", True),
        ("recipes/a.py", "from agentrl.recipes import b", True),
        ("registry.py", "from agentrl.environment import Env", False),
        ("episodes.py", "def f():\n    from agentrl.policies import open_policy", False),
        ("episodes.py", "from agentrl.policies import open_policy", True),
        ("envs/b.py", "from agentrl.verifiers import a", False),
        ("recipes/a.py", "from agentrl.learn.loop import run\nimport agentrl.store", False),
        ("commands/view.py", "def f():\n    from agentrl.view import page", False),
        ("commands/view.py", "import agentrl", False),
        ("__init__.py", "from agentrl.registry import ids", False),
        ("__init__.py", "from agentrl.environment import Env", True),
    ],
)
def test_checker_sees_a_planted_import(tmp_path: Path, file: str, code: str, caught: bool) -> None:
    for name in (
        "__init__",
        "store",
        "registry",
        "environment",
        "view/page",
        "learn/loop",
        "recipes/b",
        "verifiers/a",
    ):
        path = tmp_path / "agentrl" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    planted = tmp_path / "agentrl" / file
    planted.parent.mkdir(exist_ok=True)
    planted.write_text(code)
    assert len(violations(all_imports(tmp_path))) == caught


@pytest.mark.parametrize(
    ("file", "code", "caught"),
    [
        ("verifiers/_a/x.py", "from agentrl.verifiers._b.y import f", True),
        ("verifiers/_a/x.py", "import agentrl.verifiers._b.y", True),
        ("verifiers/_a/x.py", "def f():\n    from agentrl.verifiers._b import y", True),
        ("verifiers/_reading/x.py", "from agentrl.verifiers._b.y import f", True),
        ("verifiers/_a/x.py", "from agentrl.verifiers._a.y import f", False),
        ("verifiers/_a/x.py", "from agentrl.verifiers._reading.y import f", False),
        ("verifiers/a.py", "from agentrl.verifiers._b.y import f", False),
        ("envs/_a/x.py", "from agentrl.verifiers._b.y import f", False),
    ],
)
def test_checker_sees_an_import_between_verifiers(tmp_path: Path, file: str, code: str, caught: bool) -> None:
    for name in (file, "verifiers/_b/y.py"):
        path = tmp_path / "agentrl" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code if name == file else "")
    assert len(between_folders(all_imports(tmp_path))) == caught


def test_checker_asks_where_a_new_part_belongs(tmp_path: Path) -> None:
    (tmp_path / "agentrl").mkdir()
    (tmp_path / "agentrl" / "novelty.py").write_text("import agentrl.types")
    with pytest.raises(KeyError, match="novelty is in no row"):
        violations(all_imports(tmp_path))


@pytest.mark.parametrize(
    ("file", "code", "caught"),
    [
        ("envs/a.py", "import torch.nn", True),
        ("envs/a.py", "try:\n    from datasets import load\nexcept ImportError:\n    pass", True),
        ("envs/a.py", "def f():\n    import torch", False),
        ("learn/a.py", "import torch", False),
    ],
)
def test_checker_sees_a_heavy_import(tmp_path: Path, file: str, code: str, caught: bool) -> None:
    planted = tmp_path / "agentrl" / file
    planted.parent.mkdir(parents=True)
    planted.write_text(code)
    assert len(heavy_at_load(all_imports(tmp_path))) == caught


WITHOUT_TORCH = """
import sys
from agentrl import registry
guilty = []
for id in registry.ids({kind!r}):
    registry.load_module({kind!r}, id)
    if "torch" in sys.modules:
        guilty.append(id)
        del sys.modules["torch"]
print(guilty)
"""


@pytest.mark.parametrize("kind", ["env", "verifier", "sandbox"])
def test_plugins_load_without_torch(kind: str) -> None:
    code = WITHOUT_TORCH.format(kind=kind)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize("arguments", [["list"], ["list", "envs"], ["--help"]], ids=" ".join)
def test_command_line_starts_without_torch(arguments: list[str]) -> None:
    code = (
        "import sys; from agentrl.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() != ""
