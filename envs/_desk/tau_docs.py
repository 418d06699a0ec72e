"""Records of tau-bench's databases: each row holds one as JSON."""

from __future__ import annotations

from typing import Any

from agentrl.envs._desk.world import World

__all__ = ["Doc", "doc"]

Doc = dict[str, Any]


def doc(world: World, table: str, key: str) -> Doc:
    """A record, looked at."""
    found: Doc = world.get(table, key)["doc"]
    return found
