"""Removes what a trainer left when it was killed: waits for the end of stdin, then removes every container of its run.

A trainer that ended well has said `done` first. A container whose creation was under way may appear a moment later, so
it looks for a while. Runs by itself (`python -I -S janitor.py ADDRESS LABEL`), from the standard library alone.
ADDRESS is `unix://PATH` or `tcp://HOST:PORT`.
"""

import http.client
import json
import os
import socket
import sys
import time
import urllib.parse

_LOOK_S, _QUIET_S = 0.1, 3.0


def main() -> None:
    """Leave the trainer's children; wait; then clear away until nothing was found for `_QUIET_S`."""
    if os.fork():
        return
    if sys.stdin.buffer.read() == b"done":
        return
    address, label = sys.argv[1:]
    seen = time.monotonic()
    while time.monotonic() < seen + _QUIET_S:
        try:
            wanted = urllib.parse.quote(json.dumps({"label": [label]}))
            for container in json.loads(ask(address, "GET", f"/containers/json?all=1&filters={wanted}")):
                ask(address, "DELETE", f"/containers/{container['Id']}?force=1&v=1")
                seen = time.monotonic()
        except (OSError, ValueError, http.client.HTTPException):  # the daemon has ended, and its containers with it
            return
        time.sleep(_LOOK_S)


def ask(address: str, method: str, path: str) -> bytes:
    """One request to the daemon."""
    connection = http.client.HTTPConnection("docker", timeout=30)
    connection.sock = connect(address)
    try:
        connection.request(method, path)
        return connection.getresponse().read()
    finally:
        connection.close()


def connect(address: str) -> socket.socket:
    """A socket to the daemon."""
    kind, _, place = address.partition("://")
    if kind == "unix":
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        found.settimeout(30)
        try:
            found.connect(place)
        except OSError:
            found.close()
            raise
        return found
    host, _, port = place.partition(":")
    return socket.create_connection((host, int(port or 2375)), timeout=30)


if __name__ == "__main__":
    main()
