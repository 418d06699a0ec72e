"""The plug-in folders stand at the root and are linked into the package; builds and imports do not notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PLUGINS = ("envs", "sandboxes", "verifiers")


def files_under(folder: Path) -> set[str]:
    """Relative paths of the files in a folder, caches left out."""
    found = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(folder).as_posix() for p in found}


def python(*arguments: str, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run this Python elsewhere, with one more folder on its path."""
    env = {**os.environ, "PYTHONPATH": str(path)} if path else dict(os.environ)
    return subprocess.run([sys.executable, *arguments], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def build(source: Path, kind: str, target: Path) -> Path:
    """Build a wheel or an sdist with the hatchling that is installed; no network."""
    done = python("-m", "hatchling", "build", "-t", kind, "-d", str(target), cwd=source)
    assert done.returncode == 0, done.stderr
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.mark.parametrize("folder", PLUGINS)
def test_package_links_to_the_folder_at_the_root(folder: str) -> None:
    if (ROOT / "PKG-INFO").is_file():
        pytest.skip("this is an unpacked sdist: it holds the folders themselves in place of the links")
    link = ROOT / "agentrl" / folder
    assert link.is_symlink()
    assert link.readlink() == Path("..") / folder, "the link must be relative, or it breaks in the next checkout"
    assert link.resolve() == ROOT / folder
    assert (ROOT / folder).is_dir()


@pytest.mark.parametrize("pattern", [*(f"{folder}/__init__.py" for folder in PLUGINS), "tests/**/__init__.py"])
def test_no_init_file_that_would_shadow_a_package(pattern: str) -> None:
    found = [p.relative_to(ROOT).as_posix() for p in ROOT.glob(pattern)]
    assert found == [], "with it, `import verifiers` at the root finds our folder in place of the installed package"


def test_installed_package_named_verifiers_wins_at_the_root(tmp_path: Path) -> None:
    installed = tmp_path / "verifiers" / "__init__.py"
    installed.parent.mkdir()
    installed.write_text("HELLO = 'from the package index'\n")
    code = "import verifiers; import agentrl.verifiers.exact; print(verifiers.HELLO); print(verifiers.__file__)"
    done = python("-c", code, cwd=ROOT, path=tmp_path)
    assert done.stdout.splitlines() == ["from the package index", str(installed)], done.stderr


def test_wheel_holds_the_plugins_as_files(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for folder in PLUGINS:
            for name in files_under(ROOT / "agentrl" / folder):
                packed = f"agentrl/{folder}/{name}"
                assert archive.read(packed) == (ROOT / packed).read_bytes()
    assert {"agentrl/py.typed", "agentrl/verifiers/exact.py"} <= names
    metadata = wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"
    assert {name.partition("/")[0] for name in names} == {"agentrl", metadata}


def test_sdist_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    sdist = build(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    again = build(tmp_path / sdist.name.removesuffix(".tar.gz"), "wheel", tmp_path / "wheel")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as two:
        assert set(one.namelist()) == set(two.namelist())
        assert all(one.read(name) == two.read(name) for name in one.namelist())


def test_checkout_without_links_says_so(tmp_path: Path) -> None:
    # Git writes a link's target into a plain file where the file system has no links.
    (tmp_path / "agentrl").mkdir()
    for source in (ROOT / "agentrl").glob("*.py"):
        shutil.copy(source, tmp_path / "agentrl")
    for folder in PLUGINS:
        (tmp_path / "agentrl" / folder).write_text(f"../{folder}")
    done = python("-c", "import agentrl", cwd=tmp_path, path=tmp_path)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert "made without symbolic links" in last
    assert "git -c core.symlinks=true clone" in last
