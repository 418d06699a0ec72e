"""The customer of the service desk, from a script and from an instruction of tau-bench; and the calculator."""

from __future__ import annotations

import pytest

from agentrl.envs._desk.calculator import calculate
from agentrl.envs._desk.tau_user import customer_of
from agentrl.envs._desk.user import Customer, fact, script
from agentrl.envs._desk.world import ToolError

TOOLS = ("cancel_order", "move_order", "hold_order", "send_order")
YES = "Yes, please go ahead: cancel_order."
UNCLEAR = "What exactly would you do? Name what you would use, 3 of your tools at most, with the ids and numbers."
KNOWN = [fact("name who", "I am Ann."), fact("zip", "It is 12345."), fact("order", "It is W77.")]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("What is your name?", "I am Ann."),
        ("Your NAME and ZIP code, please.", "I am Ann. It is 12345."),
        ("Could you tell me more?", "I am Ann. It is 12345. It is W77."),
        ("I will cancel_order W77. Do you confirm?", YES),
        ("I will cancel order W77. Shall I?", f"It is W77. {YES}"),
        ("May I have your zip code?", "It is 12345."),
        ("May I have your zip code for W77?", "It is 12345."),
        ("Do you want me to CANCEL_ORDER W77?", YES),
        ("I will cancel order #W77, shall I proceed (yes/no)?", f"It is W77. {YES}"),
        ("I will cancel_order W77 and move_order W77. OK?", "Yes, please go ahead: cancel_order, move_order."),
        ("I will cancel_order W778. Do you confirm?", "I am Ann. It is 12345. It is W77."),
        ("I will cancel it, W77. Do you confirm?", UNCLEAR),
        ("cancel_order, move_order, hold_order, send_order: W77. Do you confirm?", UNCLEAR),
        ("Unfortunately I can't.", "Just do it!"),
        ("I'm sorry, I cannot cancel W77. Would you like anything else?", "Just do it!"),
        ("I cannot do it without your yes: shall I cancel_order W77?", YES),
        ("Sorry for the wait! Do you agree that I cancel_order W77?", YES),
        ("", "Hello? Are you there?"),
        ("Lovely weather.", "Cancel it. If you need my yes, say exactly what you would do, and ask me."),
    ],
)
def test_what_the_customer_answers(said: str, answer: str) -> None:
    customer = Customer(script("Cancel it.", KNOWN, subject=["W77"], pushes=["Just do it!"]), TOOLS)
    assert customer.reply(said) == answer
    assert (customer.agreed is not None) == ("Yes" in answer)


def test_a_customer_without_tools_says_yes_to_any_question_for_leave() -> None:
    customer = Customer(script("Cancel it.", KNOWN, subject=()))
    assert customer.reply("I will do it. Do you confirm?") == "Yes, please go ahead."


def covered(question: str, tool: str, **arguments: object) -> bool:
    customer = Customer(script("Cancel it.", (), subject=["W77"]), TOOLS)
    assert customer.reply(question).startswith("Yes")
    assert customer.agreed is not None
    return customer.agreed.covers(tool, arguments, {"W77", "W7", "P_1", "P_2"}.__contains__)


@pytest.mark.parametrize(
    ("question", "arguments", "right"),
    [
        ("move_order W77, P_1. OK?", {"order": "W77", "paid": "P_1"}, True),
        ("Move order w77, paid by p_1. OK?", {"order": "W77", "paid": "P_1", "why": "moved house"}, True),
        ("move_order W77. OK?", {"order": "W77", "paid": "P_1"}, False),
        ("move_order W77, P_1. OK?", {"order": "W77", "paid": "P_2"}, False),
        ("move_order W77. OK?", {"order": "W7"}, False),
        ("move_order W77, W7. OK?", {"orders": ["W77", "W7"]}, True),
        ("move_order W77. OK?", {"orders": ["W77", "W7"]}, False),
        ("move_order W77 for $1,500. OK?", {"cost": 1500, "gift": True}, True),
        ("move_order W77 for $1,500. OK?", {"cost": 500}, False),
        ("move_order W77 on 2025-06-15, bags 1,2. OK?", {"at": [1, 2]}, True),
        ("move_order W77 on 2025-06-15. OK?", {"at": [15]}, False),
    ],
)
def test_a_yes_is_for_what_was_asked(question: str, arguments: dict[str, object], right: bool) -> None:
    assert covered(question, "move_order", **arguments) == right
    assert not covered(question, "cancel_order", **arguments)


def test_the_last_yes_counts() -> None:
    customer = Customer(script("Cancel it.", (), subject=["W77"], twist="No, move it."), TOOLS)
    one, two = "I will cancel_order W77. OK?", "I will move_order W77. OK?"
    assert customer.reply(one) == "No, move it."
    assert customer.agreed is None
    customer.reply(one)
    customer.reply("Thank you for waiting.")
    assert customer.agreed is not None
    assert customer.agreed.tools == ("cancel_order",)
    customer.reply(two)
    assert customer.agreed.tools == ("move_order",)


def test_a_customer_turns_once_and_pushes_as_often_as_the_script_says() -> None:
    customer = Customer(script("Cancel it.", KNOWN, subject=["W77"], twist="No, keep it.", pushes=["Do it!"]), TOOLS)
    assert [customer.reply(f"Confirm cancel_order W77? {i}") for i in range(3)] == ["No, keep it.", YES, YES]
    assert customer.reply("I cannot do that.") == "Do it!"
    assert "Do it!" not in customer.reply("I cannot do that.")


def test_a_customer_from_an_instruction() -> None:
    script = customer_of(
        "You are Mia Li in 19122. You want to exchange your lamp #W1. If there is none, you'd rather keep it. "
        "You are reactive and will not say anything that is not asked."
    )
    assert script["wants"] == "I want to exchange my lamp #W1."
    says = [known["says"] for known in script["facts"]]
    assert says == ["I am Mia Li in 19122.", script["wants"], "If there is none, I'd rather keep it."]
    assert "zip" in script["facts"][0]["cues"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [("1.1 + 2.2", "3.3"), ("2 * (3 - 5) / 4", "-1"), ("--2", "2"), ("10/3", "3.33"), (" ( 7 ) ", "7")],
)
def test_the_calculator(expression: str, value: str) -> None:
    assert calculate(expression) == value


@pytest.mark.parametrize(
    "expression",
    ["", "1 +", "(1", "1)", "1 2", "2 ** 3", "1/0", "__import__('os')", "9" * 99, "1+" * 300 + "1", "(" * 150],
)
def test_the_calculator_refuses(expression: str) -> None:
    with pytest.raises(ToolError):
        calculate(expression)


def test_the_calculator_refuses_what_is_too_large() -> None:
    with pytest.raises(ToolError, match="the value is too large"):
        calculate(f"{'*'.join(['9' * 15] * 30)}+0.5")
