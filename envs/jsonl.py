"""A file of one's own: chat prompts with answers in JSONL, and the verifier that decides.

A row is {"messages": [...]} in OpenAI's form or {"prompt": text or messages}, with "answer", and optionally "id" and
"tools". Other fields stay out of the episode; those named in `row_options` are options of the verifier for that row.

Source: none; the rows are the user's. Differs from the source: nothing to differ from.

A folder with train.jsonl and test.jsonl, or a data set on the hub, has its own splits. One file is dealt out: a digest
of the prompt puts a share of `holdout` into test, so that rows with the same prompt stay together.

A row whose last message is the assistant's is refused, for the answer may stand in it; `drop_last` takes it away.
Golds are checked as `agentrl check` does it: the answer's own reply must be correct, those of other answers must not.
"first" looks at the first 20 rows of a split and stops at one that fails; "all" leaves such rows out (`left_out` counts
them).

Covered: text in any language, tools shown with the request, conversations so far, one reply.
Not covered: pictures and sound; several turns; verifiers that look at more than the reply.
Data licence: the user's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from agentrl import golds, registry
from agentrl.codec import message_to_json
from agentrl.data import load_rows
from agentrl.environment import SingleTurnEnv
from agentrl.envs._import.chat import messages_of, tools_of
from agentrl.envs._import.settings import Settings, settings
from agentrl.errors import ConfigError, DataError, MissingExtraError, UsageError, check_choice
from agentrl.types import Message, Split, Task, Transcript, Verdict

CheckGolds = Literal["first", "all", "none"]
DropLast = Literal["no", "drop", "answer"]
PROMPTS = ("messages", "prompt")
_FIRST = 20


class Jsonl(SingleTurnEnv):
    """Rows of a file under a verifier.

    Args:
        source: A JSONL file or a JSON array (plain or gzipped), a folder with train.jsonl.gz and test.jsonl.gz, or a
            dataset on the hub; read at the first `reset`.
        verifier: A verifier's id, or a path to its file.
        verifier_options: Options of the verifier: a mapping, JSON text, or "key=value key=value".
        row_options: Fields of the rows that are options of the verifier.
        prompt_field: The field of the prompt; empty takes "messages" or "prompt". Dots go down into objects.
        answer_field: The field of the answer, such as "answer" or "reward_model.ground_truth".
        system: A system message for prompts that begin without one.
        drop_last: What becomes of an assistant's message at the end of a prompt: "no" refuses it, "drop" leaves it
            out, "answer" takes its text as the answer.
        holdout: The share of one file that is test.
        check_golds: Which rows' answers are tried on the verifier: "first", "all" or "none".
        split: Which tasks `reset` draws from.
        render_mode: "ansi" or None.

    Raises:
        UnknownIdError: There is no such verifier.
        UsageError: An option has a value that does not exist.
    """

    execution = "thread"

    def __init__(  # noqa: PLR0913  # one option a question that a foreign file leaves open
        self,
        *,
        source: str = "",
        verifier: str = "exact",
        verifier_options: Settings = "",
        row_options: Sequence[str] = (),
        prompt_field: str = "",
        answer_field: str = "answer",
        system: str = "",
        drop_last: DropLast = "no",
        holdout: float = 0.2,
        check_golds: CheckGolds = "first",
        split: Split = "train",
        render_mode: str | None = None,
    ) -> None:
        super().__init__(split=split, render_mode=render_mode)
        check_choice("drop_last", drop_last, get_args(DropLast))
        check_choice("check_golds", check_golds, get_args(CheckGolds))
        if not 0.0 <= holdout <= 1.0:
            raise ConfigError(f"holdout must be a share from 0 to 1, got {holdout!r}")
        if isinstance(row_options, str):
            raise ConfigError(f"row_options must be a list of fields, got {row_options!r}")
        self.source = source
        self.verifier_options = settings("verifier_options", verifier_options)
        self.row_options = tuple(row_options)
        self.prompt_field = prompt_field
        self.answer_field = answer_field
        self.system = system
        self.drop_last = drop_last
        self.holdout = holdout
        self.check_golds = check_golds
        self.left_out: dict[Split, int] = {}
        self._verifier_id = verifier
        verify = registry.find("verifier", verifier)
        registry.check_options(
            f"verifier {verifier!r}", verify, {**self.verifier_options, **dict.fromkeys(row_options)}
        )
        # Golds and canaries know options of the whole environment only: with options of a row the verifier is its own.
        self.verifier = self._judge if row_options else verifier

    def tasks(self, split: Split) -> Sequence[Task]:
        """One task a row; `data` holds its tools and its options of the verifier.

        Raises:
            DataError: There is no source, or a row is not what it should be.
            MissingExtraError: The source is on the hub and `datasets` is not installed.
        """
        if not self.source:
            raise DataError("jsonl has no tasks of its own: name a file with source=FILE.jsonl")
        tasks = list(self._read(split))
        wheres: dict[str, str] = {}
        for where, task in tasks:
            if wheres.setdefault(task.id, where) != where:
                raise DataError(f"{where} has the id {task.id!r} of {wheres[task.id]}")
        kept = self._checked(tasks)
        self.left_out[split] = len(tasks) - len(kept)
        return kept

    def tools(self, task: Task) -> Sequence[Mapping[str, Any]]:
        """The tools of the row."""
        return tuple(task.data.get("tools", ()))

    def gold(self, task: Task) -> Sequence[str | Message]:
        """The verifier's own reply to the answer, where it names one that is a single message."""
        reply = golds.gold_reply(self._verifier_id, task.answer, self._options(task))
        if isinstance(reply, Transcript):
            said = [message for message in reply.messages if message.role == "assistant"]
            return said if len(said) == 1 else ()
        return () if reply is None else (reply,)

    def verdict(self, task: Task, transcript: Transcript) -> Verdict:
        """Verify the reply."""
        return self._judge(task, transcript)

    def _judge(self, task: Task, transcript: Transcript) -> Verdict:
        return registry.load_verifier(self._verifier_id, **self._options(task))(task, transcript)

    def _options(self, task: Task) -> dict[str, Any]:
        return {**self.verifier_options, **task.data.get("options", {})}

    def _read(self, split: Split) -> Iterator[tuple[str, Task]]:
        """The tasks of a split, each with the place of its row."""
        rows = load_rows(self.source, split)
        one_file = Path(self.source).expanduser().is_file()
        where = self.source if one_file else f"{self.source} ({split})"
        for number, row in enumerate(rows, 1):
            try:
                task = self._task(row, f"{split}/{number - 1}")
            except DataError as error:
                raise DataError(f"{where}, row {number}: {error}") from error
            if not one_file or _is_held_out(task, self.holdout) == (split == "test"):
                yield f"{where}, row {number}", task

    def _task(self, row: Mapping[str, Any], id: str) -> Task:
        prompt = list(messages_of(self._prompt(row)))
        answer = _field(row, self.answer_field) if self.drop_last != "answer" else None
        if prompt[-1].role == "assistant":
            if self.drop_last == "no":
                raise DataError("its last message is the assistant's; drop_last='drop' or 'answer' takes it away")
            said = prompt.pop().content
            answer = said if self.drop_last == "answer" else answer
        elif self.drop_last == "answer":
            raise DataError(f"its last message is the {prompt[-1].role}'s, so there is no answer to take")
        if not prompt:
            raise DataError("nothing is left of its prompt")
        if self.system and prompt[0].role != "system":
            prompt.insert(0, Message("system", self.system))
        if answer is None:
            raise DataError(f"its {self.answer_field!r} is null")
        data: dict[str, Any] = {}
        if tools := tools_of(row.get("tools")):
            data["tools"] = tools
        if own := {name: row[name] for name in self.row_options if row.get(name) is not None}:
            data["options"] = own
        return Task(str(row.get("id", id)), tuple(prompt), answer, data)

    def _prompt(self, row: Mapping[str, Any]) -> Any:
        if self.prompt_field:
            return _field(row, self.prompt_field)
        found = next((row[name] for name in PROMPTS if row.get(name)), None)
        if found is None:
            raise DataError(f"it has neither 'messages' nor 'prompt'; {_fields_of(row)}")
        return found

    def _checked(self, tasks: Sequence[tuple[str, Task]]) -> list[Task]:
        """The tasks whose answers are usable, as far as they are looked at."""
        looked = {"first": _FIRST, "all": len(tasks), "none": 0}[self.check_golds]
        kept, unusable = [], []
        for number, (where, task) in enumerate(tasks):
            problem = self._gold_problem(task) if number < looked else ""
            if problem:
                unusable.append(f"{where}: {problem}")
            else:
                kept.append(task)
        if unusable and (self.check_golds == "first" or not kept):
            raise DataError(unusable[0])
        return kept

    def _gold_problem(self, task: Task) -> str:
        try:
            return golds.gold_problem(self._verifier_id, task.answer, self._options(task))
        except MissingExtraError:
            raise
        except UsageError as error:
            if "options" not in task.data:  # it is wrong for every row
                raise
            return str(error)


def _is_held_out(task: Task, share: float) -> bool:
    text = json.dumps([message_to_json(m) for m in task.prompt if m.role != "system"], sort_keys=True)
    digest = hashlib.blake2b(b"jsonl\0" + text.encode(), digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64


def _field(row: Mapping[str, Any], path: str) -> Any:
    """The value at a name, or at names with dots between them.

    Raises:
        DataError: There is none.
    """
    if path in row:
        return row[path]
    value: Any = row
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise DataError(f"it has no field {path!r}; {_fields_of(row)}")
        value = value[name]
    return value


def _fields_of(row: Mapping[str, Any]) -> str:
    return f"it has: {', '.join(map(str, row)) or 'nothing'}"
