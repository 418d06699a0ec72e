"""Policies: what answers. A file a kind; `open_policy` picks one from a short specification."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from agentrl import registry
from agentrl.errors import MissingExtraError, UnknownIdError, suggest

if TYPE_CHECKING:
    from agentrl.episodes import Policy

__all__ = ["open_policy"]


def open_policy(spec: str) -> Policy:
    """Open a policy.

    Args:
        spec: `KIND:WHAT` with a kind of `agentrl list policies` (`script:replies.txt`, `transformers:MODEL`), or a
            model by itself: `smollm2-135m`, a folder, or a hub name with a slash.

    Raises:
        UnknownIdError: No such kind or model.
        MissingExtraError: The kind needs an extra that is not installed.
    """
    kind, colon, what = spec.partition(":")
    if colon and kind in registry.ids("policy"):
        return _open(kind, what)
    from agentrl.models import EMBEDDED

    if spec in EMBEDDED or "/" in spec or Path(spec).is_dir():
        return _open("transformers", spec)
    known = [*EMBEDDED, *(f"{id}:..." for id in registry.ids("policy"))]
    raise UnknownIdError(f"no policy {spec!r}: {suggest(spec, known)}; or give a model folder or a hub name")


def _open(kind: str, what: str) -> Policy:
    try:
        opener = registry.find("policy", kind)
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "transformers"):
            raise
        raise MissingExtraError(f"policy {kind!r} needs {error.name}; run `pip install 'agentrl[train]'`") from error
    policy: Policy = opener(what)
    return policy
