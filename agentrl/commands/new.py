"""Write a new environment, verifier or recipe to start from: one file that works at once.

Example: agentrl new env word_count && agentrl check ./word_count.py
"""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Annotated

import tyro

from agentrl.commands._shared import console
from agentrl.config import parse_flags
from agentrl.errors import UnknownIdError, UsageError, suggest


@dataclass(frozen=True)
class Flags:
    """What to write."""

    kind: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="env|verifier|recipe")]
    """What it is."""
    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """Its id, such as word_count; the file is NAME.py in this folder."""


def main(args: list[str]) -> int:
    """Write the file and say what to do with it; nothing is ever overwritten."""
    flags = parse_flags(Flags, args, prog="agentrl new", description=__doc__)
    if flags.kind not in _TEMPLATES:
        raise UnknownIdError(f"cannot write a new {flags.kind!r}: {suggest(flags.kind, _TEMPLATES)}")
    if not flags.name.isidentifier() or flags.name != flags.name.lower() or keyword.iskeyword(flags.name):
        raise UsageError(f"a name is lower-case words joined by _, such as word_count; got {flags.name!r}")
    path = Path(f"{flags.name}.py")
    camel = "".join(part.capitalize() for part in flags.name.split("_"))
    template, then = _TEMPLATES[flags.kind]
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(Template(template).substitute(name=flags.name, camel=camel))
    except FileExistsError:
        raise UsageError(f"{path} exists; choose another name or remove it") from None
    console().print(f"wrote {path}; next: {then.format(path=path)}", soft_wrap=True)
    return 0


_ENV = '''r"""$camel: count the letters of a word.

One user message asks how many letters a word has; the reply must be that number alone.

Covered: the words listed below. Not covered: anything else; put your own task here.
"""

from __future__ import annotations

from collections.abc import Sequence

from agentrl import SingleTurnEnv, Task
from agentrl.types import Split

_WORDS = {"train": ("sun", "river", "mountain", "to"), "test": ("tree", "cloudy")}


class $camel(SingleTurnEnv):
    """How many letters does a word have?"""

    verifier = "exact"

    def tasks(self, split: Split) -> Sequence[Task]:
        """One task a word; the answer stays with the verifier."""
        ask, rule = "How many letters has {!r}?", "Reply with the number alone."
        return [Task.ask(f"{split}/{w}", ask.format(w), str(len(w)), system=rule) for w in _WORDS[split]]
'''

_VERIFIER = '''r"""The reply holds the answer as a word of its own, ignoring case.

Covered: short answers inside a sentence. Not covered: several answers, where any one would do.
"""

from __future__ import annotations

import re

from agentrl.types import Task, Transcript, Verdict

CASES = [
    # (answer, response, options, status)
    ("Paris", "It is Paris.", {}, "correct"),
    ("Paris", "paris", {}, "correct"),
    ("Paris", "Parisian", {}, "incorrect"),
    ("Paris", "London", {}, "incorrect"),
    ("Paris", "  ", {}, "no_answer"),
    ("", "Paris", {}, "task_invalid"),
]


def verify(task: Task, transcript: Transcript, *, longest: int = 1000) -> Verdict:
    """Look for the answer in the reply.

    Args:
        task: Its `answer` is the gold text.
        transcript: The last assistant message is the reply.
        longest: Most characters a reply may have, so that listing every answer does not pass.
    """
    gold = str(task.answer or "").strip()
    reply = transcript.reply.strip()
    if not gold:
        return Verdict(0.0, "task_invalid", feedback="The task has no answer.")
    if not reply:
        return Verdict(0.0, "no_answer", feedback="The reply is empty.")
    if len(reply) > longest:
        return Verdict(0.0, "malformed", feedback=f"The reply is longer than {longest} characters.")
    if re.search(rf"(?<!\\w){re.escape(gold)}(?!\\w)", reply, re.IGNORECASE):
        return Verdict(1.0, "correct", answer=gold)
    return Verdict(0.0, "incorrect", answer=reply[:2000], feedback="The answer is not there.")
'''

_TEMPLATES = {
    "env": (_ENV, "`agentrl check ./{path}`, then `agentrl rollout ./{path} --policy smollm2-135m`"),
    "verifier": (_VERIFIER, "`agentrl check ./{path}`, then `agentrl grade ./{path} FILE`"),
}
