import numpy as np
import pytest

from agentrl.types import Message, Node, Provenance, Rollout, Span, Task, Transcript, Verdict


def said(parent: int, *ids: int, reward: float = 0.0, verdict: Verdict | None = None, version: int = 3) -> Node:
    n = len(ids)
    return Node(parent, Message("assistant", "a"), ids, (True,) * n, (-0.5,) * n, reward=reward, verdict=verdict,
                version=version, spans=(Span("answer", 0, 1),))  # fmt: skip


def seen(parent: int, *ids: int) -> Node:
    return Node(parent, Message("user", "u"), ids, (False,) * len(ids), (0.0,) * len(ids))


RIGHT = Verdict(1.0, "correct")
# A tree: two attempts at the first question; the second attempt is followed by another turn.
TREE = Rollout(
    "0/0/0",
    Task.ask("t", "q"),
    (
        seen(-1, 1, 2),
        said(0, 7, 8, verdict=Verdict(0.0, "incorrect")),
        said(0, 9, reward=0.25),
        seen(2, 3),
        said(3, 4, 5, reward=1.0, verdict=RIGHT),
    ),
    "done",
    Provenance("E"),
)


def test_paths_and_leaves_of_a_tree() -> None:
    assert TREE.leaves() == [1, 4]
    assert TREE.path(1) == [0, 1]
    assert TREE.path() == [0, 2, 3, 4]
    assert TREE.verdict == RIGHT
    assert TREE.reward == 1.25
    assert [m.role for m in TREE.transcript(1)] == ["user", "assistant"]


def test_a_trajectory_is_parallel_and_trains_drawn_tokens_only() -> None:
    path = TREE.trajectory()
    np.testing.assert_array_equal(path.token_ids, [1, 2, 9, 3, 4, 5])
    np.testing.assert_array_equal(path.mask, [False, False, True, False, True, True])
    np.testing.assert_array_equal(path.turn, [0, 0, 0, 1, 1, 1])
    np.testing.assert_array_equal(path.version, [-1, -1, 3, -1, 3, 3])
    np.testing.assert_array_equal(path.logprobs, np.array([0, 0, -0.5, 0, -0.5, -0.5]))
    assert path.tags == ("", "", "answer", "", "answer", "")


def test_a_text_rollout_cannot_be_trained_on() -> None:
    text = Rollout("0", Task.ask("t", "q"), (Node(-1, Message("user", "q")),), "done", Provenance("E"))
    with pytest.raises(ValueError, match="no token ids"):
        text.trajectory()


def test_a_rollout_that_never_began_is_empty_and_unscored() -> None:
    failed = Rollout("0", Task.ask("t", "q"), (), "infra_error", Provenance("E"))
    assert (failed.path(), failed.leaves(), failed.verdict, failed.reward) == ([], [], None, 0.0)
    assert not failed.scored


@pytest.mark.parametrize(
    ("score", "status", "message"),
    [
        (float("nan"), "incorrect", "finite"),
        (1.5, "partial", r"in \[0, 1\]"),
        (0.5, "correct", "has score 1"),
        (0.5, "infra_error", "has score 0"),
        (0.0, "wrong", "status must be one of"),
    ],
)
def test_a_verdict_cannot_contradict_itself(score: float, status: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Verdict(score, status)  # type: ignore[arg-type]


def test_unscored_statuses_are_apart() -> None:
    assert Verdict(0.0, "timeout").scored
    assert not Verdict(0.0, "infra_error").scored
    assert not Verdict(0.0, "task_invalid").scored


def test_a_node_refuses_fields_of_other_lengths() -> None:
    with pytest.raises(ValueError, match="3 token ids need as many"):
        Node(-1, Message("user", "u"), (1, 2, 3), (False,), (0.0,) * 3)


def test_the_reply_is_the_last_assistant_message() -> None:
    chat = (Message("assistant", "one"), Message("user", "u"), Message("assistant", "two"), Message("user", "v"))
    assert Transcript(chat).reply == "two"
    assert Transcript(chat[1:2]).reply == ""
