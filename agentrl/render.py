"""Messages to token ids and back, one observation at a time; ids are kept, never recomputed from text.

The generation prompt belongs to the observation, the policy's node is exactly the ids it drew, and the template's
text after the end-of-turn token opens the next observation. A template that rewrites what came before is found by a
prefix test and refused. Text inside a message never becomes a special token.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal, Protocol

from agentrl.errors import RenderError
from agentrl.types import Message

__all__ = ["ByteTokenizer", "Conversation", "HubTokenizer", "Renderer", "Tokenizer"]

_FIXED_DATE = datetime.date(2024, 7, 26)
"""Templates that print today's date get this one: a rollout must not depend on the day it was collected."""

_SLOT = "\ue000{}\ue001"
"""Stands for a message's text while the template is laid out; private-use characters, which no template writes."""


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
        RenderError: It has no chat template.
    """

    def __init__(self, tokenizer: Any, eos_ids: Sequence[int] = ()) -> None:
        if not tokenizer.chat_template:
            raise RenderError(
                f"the tokenizer of {tokenizer.name_or_path!r} has no chat template; use an instruct model"
            )
        self.inner = tokenizer
        self.eos_ids = tuple(dict.fromkeys([*eos_ids, tokenizer.eos_token_id]))
        self.special = tuple(sorted({str(t) for t in tokenizer.added_tokens_decoder.values() if t.special}))

    def encode(self, text: str, special: Literal["parse", "plain"]) -> list[int]:
        """Ids of a text, without automatic special tokens."""
        return list(self.inner(text, add_special_tokens=False, split_special_tokens=special == "plain")["input_ids"])

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, as they are."""
        return str(self.inner.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def layout(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> str:
        """The model's own chat template."""
        return str(
            self.inner.apply_chat_template(
                list(messages),
                tools=list(tools) or None,
                tokenize=False,
                add_generation_prompt=True,
                strftime_now=_FIXED_DATE.strftime,
            )
        )

    def fingerprint(self) -> str:
        """Digest of the vocabulary and the chat template."""
        digest = hashlib.blake2b(str(self.inner.chat_template).encode(), digest_size=8)
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

    def opening_ids(self, messages: tuple[Message, ...], tools: tuple[Mapping[str, Any], ...]) -> tuple[int, ...]:
        """Ids of a first observation; repeated prompts (a group's) are rendered once."""
        if tools or any(m.tool_calls for m in messages):
            return self._render(self._layout(messages, tools), messages)
        return self._opening(messages)

    def _render_opening(self, messages: tuple[Message, ...]) -> tuple[int, ...]:
        return self._render(self._layout(messages, ()), messages)

    def _layout(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]) -> str:
        """The template's text; a slot stands for assistant text, and for text that spells a special token."""
        return self.tokenizer.layout([self._plain(m, i) for i, m in enumerate(messages)], tools)

    def _plain(self, message: Message, index: int) -> dict[str, Any]:
        hidden = message.role == "assistant" or self._unsafe(message.content)
        out: dict[str, Any] = {
            "role": message.role,
            "content": _SLOT.format(index) if hidden else message.content,
        }
        if message.tool_calls:
            out["tool_calls"] = [
                {"type": "function", "function": {"name": c.name, "arguments": dict(c.arguments)}}
                for c in message.tool_calls
            ]
        if message.name is not None:
            out["name"] = message.name
        if message.tool_call_id is not None:
            out["tool_call_id"] = message.tool_call_id
        return out

    def _unsafe(self, text: str) -> bool:
        return "\ue000" in text or any(s in text for s in self.tokenizer.special)

    def _render(self, text: str, messages: Sequence[Message], first: int = 0) -> tuple[int, ...]:
        """Encode a layout; safe slots are filled before encoding, unsafe ones are encoded as plain text."""
        pieces: list[tuple[str, Literal["parse", "plain"]]] = []
        for index in range(first, len(messages)):
            slot = _SLOT.format(index)
            if slot not in text:
                continue
            content = messages[index].content
            if not self._unsafe(content):
                text = text.replace(slot, content, 1)
                continue
            before, text = text.split(slot, 1)
            pieces += [(before, "parse"), (content, "plain")]
        pieces.append((text, "parse"))
        return tuple(i for piece, how in pieces for i in self.tokenizer.encode(piece, how))

    def _probe(self) -> int:
        """Refuse a template under which an earlier turn changes once later ones follow; find what closes a turn."""
        history = [{"role": "user", "content": "q"}]
        before = self.tokenizer.layout(history, ())
        reply = "<think>\nt\n</think>\n\nr"
        for text in ("r", reply):
            turns = [*history, {"role": "assistant", "content": text}, {"role": "user", "content": "n"}]
            after = self.tokenizer.layout(turns, ())
            if not after.startswith(before + text):
                what = "drops or moves the thoughts of" if text == reply else "rewrites"
                raise RenderError(
                    f"this chat template {what} earlier assistant turns, so that drawn ids could not be kept; "
                    "use a template that keeps history as it was"
                )
            if text == "r":
                closing = self.tokenizer.encode(after[len(before + text) :], "parse")[:1]
        if not closing or closing[0] not in self.tokenizer.eos_ids:
            raise RenderError("this chat template does not close a turn with an end-of-turn token")
        return closing[0]


class Conversation:
    """One conversation under way: alternately `reply` (drawn ids) and `observe` (new messages)."""

    def __init__(self, renderer: Renderer, messages: tuple[Message, ...], tools: tuple[Mapping[str, Any], ...]) -> None:
        self._renderer = renderer
        self._tools = tools
        self._messages = list(messages)
        self.ids: tuple[int, ...] = renderer.opening_ids(messages, tools)
        """Everything so far, as the policy sees it."""
        self._ended = True

    def reply(self, drawn: Sequence[int]) -> Message:
        """Take the ids the policy drew as its turn; return the message they spell."""
        message = self._renderer.parse(drawn)
        self._messages.append(message)
        self.ids = (*self.ids, *drawn)
        self._ended = bool(drawn) and drawn[-1] in self._renderer.tokenizer.eos_ids
        return message

    def observe(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Ids that new messages add: what closes the policy's turn, the messages, the next generation prompt.

        Raises:
            RenderError: The template does not lay the messages out after the turn they follow.
        """
        at = len(self._messages) - 1
        self._messages.extend(messages)
        text = self._renderer._layout(self._messages, self._tools)
        _, slot, tail = text.partition(_SLOT.format(at))
        if not slot:
            raise RenderError("the chat template left out the policy's last turn")
        added = self._renderer._render(tail, self._messages, first=at + 1)
        if self._ended:
            if not added or added[0] not in self._renderer.tokenizer.eos_ids:
                raise RenderError("the chat template does not close a turn with the end-of-turn token")
            added = added[1:]
        self.ids = (*self.ids, *added)
        return added
