"""Messages to token ids and back, one observation at a time; ids are kept, never recomputed from text.

The generation prompt belongs to the observation, the policy's node is exactly the ids it drew, and the template's
text after the end-of-turn token opens the next observation. A template that rewrites what came before is found by a
prefix test, at the start and at every turn, and refused. Text inside a message never becomes a special token.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, Protocol

from agentrl.errors import RenderError
from agentrl.types import Message, Span

__all__ = ["ByteTokenizer", "Conversation", "HubTokenizer", "Renderer", "Tokenizer"]

_FIXED_DATE = datetime.date(2024, 7, 26)
"""Templates that print today's date get this one: a rollout must not depend on the day it was collected."""
_DATE = re.compile(r"""strftime_now\((['"])([^'"]*)\1\)""")

_OPEN = "\ue000"
_TURN = _OPEN + "{}\ue001"
"""Stands for the text of assistant message number {} in a layout: what was drawn is not laid out again."""
_SPELLED = _OPEN + "s{}\ue001"
"""Stands for the spelling of special token number {}, where a message or a tool contains it as text."""
_MARK = re.compile(_OPEN + "(s?)([0-9]+)\ue001")
# Private-use characters, which no template writes; a text that has `_OPEN` in it has it replaced as well.


class Tokenizer(Protocol):
    """What a renderer needs of a tokenizer."""

    eos_ids: tuple[int, ...]
    special: tuple[str, ...]

    def encode(self, text: str, special: Literal["parse", "plain"]) -> list[int]:
        """Ids of a text; "plain" reads special tokens' spellings as ordinary text."""
        ...

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens spelled out."""
        ...

    def layout(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> str:
        """The chat template's text for messages, generation prompt included."""
        ...

    def fingerprint(self) -> str:
        """A digest of vocabulary and template."""
        ...


class HubTokenizer:
    """A transformers tokenizer with a chat template.

    Raises:
        RenderError: It has no chat template, or one that prints a date in a way of its own.
    """

    def __init__(self, tokenizer: Any, eos_ids: Sequence[int] = ()) -> None:
        if not tokenizer.chat_template:
            raise RenderError(
                f"the tokenizer of {tokenizer.name_or_path!r} has no chat template; use an instruct model"
            )
        self.inner = tokenizer
        # Transformers lets no function of ours into a template: the date is written into the template itself.
        self._template = _DATE.sub(lambda found: repr(_FIXED_DATE.strftime(found[2])), str(tokenizer.chat_template))
        if "strftime_now(" in self._template:
            raise RenderError(f"the chat template of {tokenizer.name_or_path!r} prints a date that cannot be fixed")
        self.eos_ids = tuple(dict.fromkeys([*eos_ids, tokenizer.eos_token_id]))
        self.special = tuple(sorted({str(t) for t in tokenizer.added_tokens_decoder.values() if t.special}))

    def encode(self, text: str, special: Literal["parse", "plain"]) -> list[int]:
        """Ids of a text, without automatic special tokens."""
        return list(self.inner(text, add_special_tokens=False, split_special_tokens=special == "plain")["input_ids"])

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, as they are."""
        return str(self.inner.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def layout(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> str:
        """The model's own chat template.

        Raises:
            RenderError: The template refuses the messages, e.g. a role it does not know.
        """
        import jinja2

        try:
            return str(
                self.inner.apply_chat_template(
                    list(messages),
                    tools=list(tools) or None,
                    tokenize=False,
                    add_generation_prompt=True,
                    chat_template=self._template,
                )
            )
        except jinja2.TemplateError as error:
            roles = [m["role"] for m in messages]
            raise RenderError(f"the chat template refuses messages of roles {roles}: {error}") from error

    def fingerprint(self) -> str:
        """Digest of the vocabulary and the chat template."""
        digest = hashlib.blake2b(self._template.encode(), digest_size=8)
        for token, index in sorted(self.inner.get_vocab().items()):
            digest.update(f"{token}\x1f{index}\x1e".encode(errors="surrogatepass"))
        return digest.hexdigest()


class ByteTokenizer:
    """One byte, one token; 256 opens a message and 257 ends it. For tests and tiny models.

    >>> t = ByteTokenizer()
    >>> t.decode(t.encode("a<|end|>", "parse")), len(t.encode("a<|end|>", "parse"))
    ('a<|end|>', 2)
    """

    vocab_size = 258
    eos_ids: tuple[int, ...] = (257,)
    special: tuple[str, ...] = ("<|end|>", "<|open|>")
    _ids: Mapping[str, int] = {"<|open|>": 256, "<|end|>": 257}

    def encode(self, text: str, special: Literal["parse", "plain"]) -> list[int]:
        """UTF-8 bytes, and the two special tokens where they are parsed."""
        if special == "plain":
            return list(text.encode("utf-8", "surrogatepass"))
        ids: list[int] = []
        while text:
            at = {s: i for s in self.special if (i := text.find(s)) >= 0}
            if not at:
                return ids + self.encode(text, "plain")
            first = min(at, key=at.__getitem__)
            ids += [*self.encode(text[: at[first]], "plain"), self._ids[first]]
            text = text[at[first] + len(first) :]
        return ids

    def decode(self, ids: Sequence[int]) -> str:
        """Bytes as UTF-8; what is no UTF-8 becomes the replacement character."""
        spelled = {i: s.encode() for s, i in self._ids.items()}
        return b"".join(spelled.get(i) or bytes([i]) for i in ids).decode("utf-8", "replace")

    def layout(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> str:
        """`<|open|>` + first letter of the role + text + `<|end|>`, and an open assistant message."""
        turns = "".join(f"<|open|>{m['role'][0]}{m['content']}<|end|>" for m in messages)
        return turns + "<|open|>a"

    def fingerprint(self) -> str:
        """Constant: there is one byte tokenizer."""
        return "bytes-1"


class Renderer:
    """Lays out conversations for one tokenizer; see `Conversation`.

    Raises:
        RenderError: The template rewrites earlier turns, so that ids could not be kept.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.fingerprint = tokenizer.fingerprint()
        self._hidden = (*sorted(tokenizer.special, key=len, reverse=True), _OPEN)  # of two that match, the longer
        self._unsafe = re.compile("|".join(re.escape(s) for s in self._hidden))
        self._opening = lru_cache(maxsize=4096)(self._render_opening)
        self.end_id = self._probe()

    def start(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> Conversation:
        """Open a conversation with its first observation."""
        return Conversation(self, tuple(messages), tuple(tools))

    def spell(self, messages: Sequence[Message]) -> tuple[tuple[int, ...], tuple[bool, ...]]:
        """A finished conversation as ids, with the assistant's tokens marked as if a policy had drawn them."""
        ids: tuple[int, ...] = ()
        drawn: tuple[bool, ...] = ()
        conversation: Conversation | None = None
        waiting: list[Message] = []
        for message in messages:
            if message.role != "assistant":
                waiting.append(message)
                continue
            if conversation is None:
                conversation = self.start(waiting)
                seen = conversation.ids
            else:
                seen = conversation.observe(waiting)
            said = (*self.tokenizer.encode(message.content, "plain"), self.end_id)
            conversation.reply(said)
            ids, drawn = (*ids, *seen, *said), (*drawn, *(False,) * len(seen), *(True,) * len(said))
            waiting = []
        return ids, drawn

    def parse(self, ids: Sequence[int]) -> Message:
        """The assistant message that drawn ids spell, without the end-of-turn token."""
        end = len(ids)
        while end and ids[end - 1] in self.tokenizer.eos_ids:
            end -= 1
        return Message("assistant", self.tokenizer.decode(ids[:end]))

    def spans(self, ids: Sequence[int], segments: Sequence[tuple[str, int, int]]) -> tuple[Span, ...]:
        """Segments of the text that ids spell, as spans of the ids: every token that holds a part of one is in it.

        Args:
            ids: What was drawn.
            segments: Each a tag, its first character, and its end, in `parse(ids).content`.
        """
        text = self.tokenizer.decode(ids)

        def settled(count: int) -> int:
            """How many characters the first tokens settle: some bytes of one decode to something else."""
            start = self.tokenizer.decode(ids[:count])
            return next((i for i, (a, b) in enumerate(zip(start, text, strict=False)) if a != b), len(start))

        tokens = range(len(ids) + 1)
        spans = []
        for tag, first, end in segments:
            begin = bisect_left(tokens, first, key=settled)
            if end > first:
                inside = settled(begin) > first  # the token before reaches into the segment
                spans.append(Span(tag, begin - inside, bisect_left(tokens, end, key=settled)))
        return tuple(spans)

    def opening(
        self, messages: tuple[Message, ...], tools: tuple[Mapping[str, Any], ...]
    ) -> tuple[str, tuple[int, ...]]:
        """Layout and ids of a first observation; repeated prompts (a group's) are rendered once."""
        if tools or any(m.tool_calls for m in messages):
            text = self.layout(messages, tools)
            return text, self.encode(text, messages)
        return self._opening(messages)

    def _render_opening(self, messages: tuple[Message, ...]) -> tuple[str, tuple[int, ...]]:
        text = self.layout(messages, ())
        return text, self.encode(text, messages)

    def layout(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> str:
        """The template's text; marks stand for assistant text and for what spells a special token."""
        return self.tokenizer.layout([self._plain(m, i) for i, m in enumerate(messages)], self._guard(tools))

    def encode(self, text: str, messages: Sequence[Message]) -> tuple[int, ...]:
        """Ids of a layout, or of its end; what marks stand for is encoded so that no special token comes of it."""
        ids: list[int] = []
        safe, end = "", 0
        for mark in _MARK.finditer(text):
            safe += text[end : mark.start()]
            end = mark.end()
            hidden = self._hidden[int(mark[2])] if mark[1] else messages[int(mark[2])].content
            if self._unsafe.search(hidden) is None:
                safe += hidden
                continue
            ids += [*self.tokenizer.encode(safe, "parse"), *self.tokenizer.encode(hidden, "plain")]
            safe = ""
        return (*ids, *self.tokenizer.encode(safe + text[end:], "parse"))

    def _plain(self, message: Message, index: int) -> dict[str, Any]:
        drawn = message.role == "assistant"
        out: dict[str, Any] = {
            "role": message.role,
            "content": _TURN.format(index) if drawn else self._guard(message.content),
        }
        if message.tool_calls:
            out["tool_calls"] = [
                {"type": "function", "function": self._guard({"name": c.name, "arguments": c.arguments})}
                for c in message.tool_calls
            ]
        if message.name is not None:
            out["name"] = self._guard(message.name)
        if message.tool_call_id is not None:
            out["tool_call_id"] = self._guard(message.tool_call_id)
        return out

    def _guard(self, value: Any) -> Any:
        """A JSON value with a mark in place of each spelling of a special token."""
        if isinstance(value, str):
            return self._unsafe.sub(lambda found: _SPELLED.format(self._hidden.index(found[0])), value)
        if isinstance(value, Mapping):
            return {self._guard(k): self._guard(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._guard(v) for v in value]
        return value

    def _probe(self) -> int:
        """Refuse a template under which an earlier turn changes once later ones follow; find what closes a turn."""
        for what, reply in (("rewrites", "r"), ("drops or moves the thoughts of", "<think>\nt\n</think>\n\nr")):
            turns = [{"role": "user", "content": "q"}]
            for _ in range(2):
                before = self.tokenizer.layout(turns, ()) + reply
                turns += [{"role": "assistant", "content": reply}, {"role": "user", "content": "n"}]
                after = self.tokenizer.layout(turns, ())
                if not after.startswith(before):
                    raise RenderError(
                        f"this chat template {what} earlier assistant turns, so that drawn ids could not be kept; "
                        "use a template that keeps history as it was"
                    )
        closing = self.tokenizer.encode(after[len(before) :], "parse")[:1]
        if not closing or closing[0] not in self.tokenizer.eos_ids:
            raise RenderError("this chat template does not close a turn with an end-of-turn token")
        return closing[0]


class Conversation:
    """One conversation under way: alternately `reply` (drawn ids) and `observe` (new messages)."""

    def __init__(self, renderer: Renderer, messages: tuple[Message, ...], tools: tuple[Mapping[str, Any], ...]) -> None:
        self._renderer = renderer
        self._tools = tools
        self._messages = list(messages)
        self._text, self.ids = renderer.opening(messages, tools)
        # `ids` is everything so far, as the policy sees it; `_text` its layout.
        self._ended = True

    def reply(self, drawn: Sequence[int]) -> Message:
        """Take the ids the policy drew as its turn; return the message they spell."""
        message = self._renderer.parse(drawn)
        self._messages.append(message)
        self.ids = (*self.ids, *drawn)
        self._ended = bool(drawn) and drawn[-1] in self._renderer.tokenizer.eos_ids
        return message

    def spans(self, drawn: Sequence[int], segments: Sequence[tuple[str, int, int]]) -> tuple[Span, ...]:
        """See `Renderer.spans`."""
        return self._renderer.spans(drawn, segments)

    def observe(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Ids that new messages add: what closes the policy's turn, the messages, the next generation prompt.

        Raises:
            RenderError: The template rewrites what came before, or does not close the policy's turn.
        """
        before = self._text + _TURN.format(len(self._messages) - 1)
        self._messages.extend(messages)
        self._text = self._renderer.layout(self._messages, self._tools)
        if not self._text.startswith(before):
            raise RenderError(
                "the chat template rewrites earlier turns once later messages follow, so that ids could not be kept; "
                "use a template that keeps history as it was"
            )
        added = self._renderer.encode(self._text[len(before) :], self._messages)
        if self._ended:
            if not added or added[0] not in self._renderer.tokenizer.eos_ids:
                raise RenderError("the chat template does not close a turn with the end-of-turn token")
            added = added[1:]
        self.ids = (*self.ids, *added)
        return added
