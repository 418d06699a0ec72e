"""Engines for the tests in this folder: started here, on sockets and folders of their own, and stopped by process.

They need root and what `make integration` installs. Where an engine cannot start the tests fail, and say why.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "agentrl-test"
ARCHIVE = ROOT / "build" / "engines" / "python.tar"


def need(*programs: str) -> None:
    absent = [name for name in programs if shutil.which(name) is None]
    if absent:
        pytest.fail(
            f"not installed: {', '.join(absent)}; `make integration` installs it when run by root", pytrace=False
        )


@pytest.fixture(scope="session")
def bwrap() -> None:
    """Bubblewrap is there."""
    need("bwrap")


@pytest.fixture(scope="session")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The options with which `open_sandbox("docker")` finds the daemon of these tests and its image."""
    need("dockerd", "debootstrap")
    if os.geteuid() != 0:
        pytest.fail("dockerd needs root: run `make integration` as root", pytrace=False)
    if not ARCHIVE.is_file():
        script = Path(__file__).parent / "engines" / "image.sh"
        subprocess.run(["sh", str(script), str(ARCHIVE)], check=True)
    folder = tmp_path_factory.mktemp("docker")
    url = f"unix://{folder}/docker.sock"
    places = {name: str(folder / name) for name in ("data-root", "exec-root", "pidfile")}
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(
            ["dockerd", "--host", url, "--iptables=false", "--bridge=none", *(f"--{k}={v}" for k, v in places.items())],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        await_daemon(daemon, url, folder / "log")
        yield {"base_url": url, "image": IMAGE}
    finally:
        daemon.terminate()
        try:
            daemon.wait(60)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()
        shutil.rmtree(folder, ignore_errors=True)


def await_daemon(daemon: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Wait until it answers, and give it the image."""
    import docker as package

    deadline = time.monotonic() + 60
    while not Path(url.removeprefix("unix://")).exists():
        if daemon.poll() is not None or time.monotonic() > deadline:
            pytest.fail(f"dockerd does not start here; it says:\n{log.read_text()[-2000:]}", pytrace=False)
        time.sleep(0.1)
    client = package.APIClient(base_url=url, version="auto", timeout=120)
    try:
        client.import_image_from_file(str(ARCHIVE), repository=IMAGE, tag="latest")
    finally:
        client.close()


@pytest.fixture
def client(docker: dict[str, Any]) -> Iterator[Any]:
    """The daemon of these tests, by its own API."""
    import docker as package

    found = package.APIClient(base_url=docker["base_url"], version="auto", timeout=60)
    yield found
    found.close()
