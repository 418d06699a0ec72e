"""The attack catalogue: for each domain, replies that must not be paid.

An attack is data and a small function from an item to replies; it never states the right answer in the right way. The
letter of an id says where the trick is at home: M mathematics, F logic, T tools, R text, C programs.
"""

from __future__ import annotations

from collections.abc import Mapping

from agentrl.audit.catalogue import code, logic, maths, text, tools
from agentrl.audit.records import Attack, Domain

__all__ = ["BY_DOMAIN", "attacks"]

BY_DOMAIN: Mapping[Domain, tuple[Attack, ...]] = {
    "maths": (*maths.ATTACKS, *text.ATTACKS),
    "logic": (*logic.ATTACKS, *text.ATTACKS),
    "tools": (*tools.ATTACKS, *text.ATTACKS),
    "text": (*(a for a in maths.ATTACKS if a.id == "M10"), *text.ATTACKS),
    "code": code.ATTACKS,
}
"""What is tried in each domain; text's attacks fit everywhere but where the reply is a program."""


def attacks(domain: Domain) -> tuple[Attack, ...]:
    """The attacks of one domain, in the order of their ids."""
    return tuple(sorted(BY_DOMAIN[domain], key=lambda a: (a.id[0], int(a.id[1:]))))
