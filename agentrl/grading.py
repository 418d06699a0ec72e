"""Many responses, one a line of JSON: parsing a line, grading it, and going on where a file of verdicts ends.

A line is {"response": ..., "answer": ...}; "id" is handed through, every other field is an option of the verifier. The
response is text, or a transcript as an object. What is wrong with a line becomes its record, {"line": n, "error": why},
so that the lines after it are graded all the same.
"""

from __future__ import annotations

import codecs
import fcntl
import hashlib
import inspect
import json
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, get_args

from agentrl import registry
from agentrl.codec import transcript_from_json, verdict_to_json
from agentrl.errors import InfraError, MissingExtraError, StoreError, UsageError, suggest
from agentrl.memo import MemoCount, memo_total
from agentrl.types import SCORED, Message, Role, Task, Transcript, Verdict

__all__ = ["Batch", "Graded", "Grader", "Line", "Verdicts", "lines_of"]

Verify = Callable[..., Verdict]
_OWN = ("id", "response", "answer")
_DIGEST_BYTES = 8
_NAMED = re.compile(rb"\bagentrl\.verifiers\.(\w+)")
_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the input that is not blank, and its number from 1."""

    number: int
    text: bytes


@dataclass(frozen=True, slots=True)
class Graded:
    """What came of a line.

    Attributes:
        line: Its number.
        text: The record, as one line of JSON.
        status: The verdict's; "broken" where there is none.
        score: The verdict's, where it counts.
        problem: What is wrong with the line; empty where nothing is.
    """

    line: int
    text: str
    status: str
    score: float | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of some lines, and how often memos were asked for them."""

    graded: tuple[Graded, ...]
    memo: MemoCount


class _Broken(Exception):
    """The line cannot be graded; the message says why."""


def lines_of(file: Iterable[bytes]) -> Iterator[Line]:
    """The lines that are not blank; a byte order mark before the first is no part of it."""
    for number, text in enumerate(file, start=1):
        text = text.removeprefix(codecs.BOM_UTF8) if number == 1 else text
        if text.strip():
            yield Line(number, text)


@dataclass(frozen=True, slots=True)
class Grader:
    """Grades lines with one verifier.

    Args:
        verifier: Its id, or a path to its file.
        options: For all lines; a line may override them.
        key: Where the records are to be recognised again (see `Verdicts`): from `key_of`; else empty.
    """

    verifier: str
    options: Mapping[str, Any]
    key: bytes = b""

    def __call__(self, lines: Sequence[Line]) -> Batch:
        """Grade some lines.

        Raises:
            UsageError: The options for all lines are wrong.
            MissingExtraError: The verifier needs a package that is not installed.
            InfraError: The machine failed.
        """
        verify = registry.find("verifier", self.verifier)
        problems: dict[tuple[str, ...], str] = {}
        before = memo_total()
        graded = tuple(self._one(verify, line, problems) for line in lines)
        after = memo_total()
        return Batch(graded, MemoCount(after.hits - before.hits, after.lookups - before.lookups))

    def check(self) -> None:
        """Look at the options for all lines; one that the verifier requires may still come with the lines.

        Raises:
            UsageError: There is no such verifier, it cannot be called with a task and a transcript, or it has no option
                of that name.
        """
        verify = registry.find("verifier", self.verifier)
        signature = inspect.signature(verify)
        try:
            signature.bind_partial(None, None)
        except TypeError:
            raise UsageError(f"`verify` of {self.verifier} must take (task, transcript), not {signature}") from None
        names = [p.name for p in signature.parameters.values() if p.kind is inspect.Parameter.KEYWORD_ONLY]
        for name in self.options:
            if name not in names:
                raise UsageError(f"verifier {self.verifier!r} has no option {name!r}: {suggest(name, names)}")

    def key_of(self) -> bytes:
        """A digest of the verifier's source and of the options: other ones give other verdicts."""
        file = registry.load_module("verifier", self.verifier).__file__
        found = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        for source in _sources(Path(file)) if file is not None else ():
            found.update(source + b"\0")
        found.update(json.dumps(self.options, sort_keys=True, default=str).encode("utf-8", "surrogatepass"))
        return found.digest()

    def digest(self, line: Line) -> str:
        """Names a line under this verifier and these options."""
        return hashlib.blake2b(line.text.strip(), key=self.key, digest_size=_DIGEST_BYTES).hexdigest()

    def _one(self, verify: Verify, line: Line, problems: dict[tuple[str, ...], str]) -> Graded:
        head: dict[str, Any] = {}
        mark = {"line": line.number, "digest": self.digest(line)} if self.key else {}
        try:
            record = _parse(line.text)
            head = {"id": record["id"]} if "id" in record else {}
            own = {name: value for name, value in record.items() if name not in _OWN}
            if problem := self._option_problem(verify, own, problems):
                raise _Broken(problem)
            return _graded(line, {**head, **mark}, self._verdict(verify, record, own))
        except _Broken as problem:
            shown = {**head, **mark, "line": line.number, "error": str(problem)}
            return Graded(line.number, _as_text(shown), "broken", problem=str(problem))

    def _option_problem(self, verify: Verify, own: Mapping[str, Any], known: dict[tuple[str, ...], str]) -> str:
        """What is wrong with the names of a line's options; found once for each set of them."""
        names = tuple(own)
        if names not in known:
            try:
                registry.check_options(f"verifier {self.verifier!r}", verify, {**self.options, **own})
                known[names] = ""
            except UsageError as error:
                known[names] = str(error)
        return known[names]

    def _verdict(self, verify: Verify, record: Mapping[str, Any], own: Mapping[str, Any]) -> Verdict:
        response = record["response"]
        said = Transcript((Message("assistant", response),)) if isinstance(response, str) else response
        try:
            verdict = verify(Task("grade", (), record["answer"]), said, **{**self.options, **own})
        except (InfraError, MissingExtraError):
            raise
        except UsageError as error:
            if not own:  # nothing in the line can be to blame, so it is wrong for every line
                raise
            raise _Broken(str(error)) from None
        except (Exception, SystemExit) as error:  # noqa: BLE001  # the boundary: what fails on one line ends no others
            at = traceback.extract_tb(error.__traceback__)[-1]
            where = "" if at.filename == __file__ else f" ({Path(at.filename).name}, line {at.lineno})"
            raise _Broken(f"the verifier raises {type(error).__name__}: {error}{where}") from None
        if not isinstance(verdict, Verdict):
            raise _Broken(f"the verifier returns {type(verdict).__name__}, not a Verdict")
        return verdict


def _graded(line: Line, head: Mapping[str, Any], verdict: Verdict) -> Graded:
    """The record of a verdict; a gold that cannot be used is named in it."""
    problem, blame = "", {}
    if verdict.status == "task_invalid":
        problem = f"the answer is no usable gold: {verdict.feedback}".rstrip(": ")
        blame = {"line": line.number, "error": problem}
    try:
        text = _as_text({**head, **blame, **verdict_to_json(verdict)})
    except TypeError as error:
        raise _Broken(f"the verdict cannot be written as JSON: {error}") from None
    return Graded(line.number, text, verdict.status, verdict.score if verdict.scored else None, problem)


def _sources(file: Path) -> Iterator[bytes]:
    """A verifier's file, and those of `agentrl/verifiers/` that it names: modules and folders, and what these name."""
    home = Path(__file__).parent / "verifiers"
    waiting, seen = [file], set[Path]()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        yield (source := path.read_bytes())
        for name in sorted({found.decode() for found in _NAMED.findall(source)}):
            places = (home / f"{name}.py", *sorted((home / name).rglob("*.py")))
            waiting += [place for place in places if place.is_file()]


def _parse(text: bytes) -> dict[str, Any]:
    try:
        record = json.loads(text.decode("utf-8"))
    except UnicodeDecodeError:
        raise _Broken("not UTF-8 text") from None
    except RecursionError:
        raise _Broken("not JSON that can be read: nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _Broken(f"not JSON: {error}") from None
    except ValueError:
        most = sys.get_int_max_str_digits()
        raise _Broken(f"not JSON that can be read: a whole number of over {most:,} digits") from None
    if not isinstance(record, dict):
        raise _Broken(f"expected an object, got {type(record).__name__}")
    for field in ("response", "answer"):
        if field not in record:
            raise _Broken(f"no field {field!r}; the line has: {', '.join(record) or 'none'}")
    response = record["response"]
    if isinstance(response, dict):
        record["response"] = _transcript(response)
    elif not isinstance(response, str):
        raise _Broken(f"'response' must be text or a transcript, got {type(response).__name__}")
    return record


def _transcript(data: Mapping[str, Any]) -> Transcript:
    try:
        transcript = transcript_from_json(data)
    except (KeyError, TypeError, AttributeError) as error:
        raise _Broken(
            '\'response\' is no transcript, {"messages": [{"role": ..., "content": ...}]}: '
            f"{type(error).__name__} {error}"
        ) from None
    for number, message in enumerate(transcript.messages, start=1):
        if message.role not in get_args(Role) or not isinstance(message.content, str):
            raise _Broken(
                f"message {number} of the response needs a role ({', '.join(get_args(Role))}) and a text as its content"
            )
        if not all(isinstance(c.name, str) and isinstance(c.arguments, dict) for c in message.tool_calls):
            raise _Broken(f"message {number} of the response: a tool call needs a name, and an object as its arguments")
    if not (isinstance(transcript.final_state, dict) and isinstance(transcript.artefacts, dict)):
        raise _Broken("'final_state' and 'artefacts' of the response must be objects")
    return transcript


def _as_text(record: Mapping[str, Any]) -> str:
    text = _encode(record)
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return json.dumps(record)
    return text


class Verdicts:
    """A file of verdicts that a stopped grading goes on with: whole lines stay, a torn last one is cut off.

    Every record names its line of the input, by number and by a digest of the line, the verifier and the options.
    """

    def __init__(self, path: Path, grader: Grader) -> None:
        self._path, self._grader = path, grader
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is no file that verdicts can be kept in; give --out another name")
        try:
            self._file = path.open("ab+", buffering=0)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {(error.strerror or str(error)).lower()}") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.close()
            raise StoreError(f"{path} is being written by another process") from None

    def kept(self, lines: Iterator[Line]) -> Iterator[Graded]:
        """What is there already; takes its lines from the input, so that what is left there is to be graded.

        Raises:
            UsageError: The file belongs to another input, verifier or options, or the verifier was changed since.
        """
        whole = 0
        with self._path.open("rb") as file:
            for number, text in enumerate(file, start=1):
                if not text.endswith(b"\n"):
                    if not whole and not _is_torn(text):
                        raise self._foreign(number)
                    break
                yield self._kept(number, text, next(lines, None))
                whole += len(text)
        self._file.truncate(whole)

    def _kept(self, number: int, text: bytes, line: Line | None) -> Graded:
        try:
            record = json.loads(text)
            known = record["line"], record["digest"]
            error = record.get("error", "")
            graded = "status" in record or not error  # what could not be graded at all has the error alone
            status, score = (str(record["status"]), float(record["score"])) if graded else ("broken", 0.0)
        except (ValueError, KeyError, TypeError, AttributeError):
            known, status, score, error = (0, ""), "broken", 0.0, ""
        if line is None or known != (line.number, self._grader.digest(line)):
            raise self._foreign(number)
        return Graded(line.number, "", status, score if status in SCORED else None, error)

    def _foreign(self, number: int) -> UsageError:
        return UsageError(
            f"{self._path}, line {number} is not of this input under this verifier as it is now and these options; "
            "remove the file, or give --out another name"
        )

    def write(self, graded: Sequence[Graded]) -> None:
        """Append records.

        Raises:
            StoreError: The disk is full; what was written before stays valid.
        """
        data = memoryview("".join(g.text + "\n" for g in graded).encode())
        try:
            while data:
                data = data[_written(self._file, data) :]
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise StoreError(
                f"cannot write {self._path}: {why}; what is there stays valid, and the same command goes on from there"
            ) from None

    def close(self) -> None:
        """Make what was written durable."""
        with self._file:
            os.fsync(self._file.fileno())


def _is_torn(text: bytes) -> bool:
    """Whether text without an end may be what is left of a record; nothing else is cut off."""
    try:
        return "digest" in json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return any(head.startswith(text[: len(head)]) for head in (b'{"id": ', b'{"line": '))


def _written(file: BinaryIO, data: memoryview) -> int:
    return file.write(data) or 0
