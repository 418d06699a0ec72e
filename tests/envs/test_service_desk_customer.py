"""The customer of the service desk, from a script and from an instruction of tau-bench; and the calculator."""

from __future__ import annotations

import pytest

from agentrl.envs._desk.calculator import calculate
from agentrl.envs._desk.tau_user import customer_of
from agentrl.envs._desk.user import Customer, fact, script
from agentrl.envs._desk.world import ToolError

KNOWN = [fact("name who", "I am Ann."), fact("zip", "It is 12345."), fact("order", "It is W77.")]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("What is your name?", "I am Ann."),
        ("Your NAME and ZIP code, please.", "I am Ann. It is 12345."),
        ("Could you tell me more?", "I am Ann. It is 12345. It is W77."),
        ("I will cancel W77. Do you confirm?", "Yes, please go ahead."),
        ("I will cancel order W77. Shall I?", "It is W77. Yes, please go ahead."),
        ("May I have your zip code?", "It is 12345."),
        ("Do you want me to cancel W77?", "Yes, please go ahead."),
        ("I will cancel order #W77, shall I proceed (yes/no)?", "It is W77. Yes, please go ahead."),
        ("I will cancel W778. Do you confirm?", "I am Ann. It is 12345. It is W77."),
        ("Unfortunately I can't.", "Just do it!"),
        ("I'm sorry, I cannot cancel W77. Would you like anything else?", "Just do it!"),
        ("I cannot do it without your yes: shall I cancel W77?", "Yes, please go ahead."),
        ("Sorry for the wait! Do you agree that I cancel W77?", "Yes, please go ahead."),
        ("", "Hello? Are you there?"),
        ("Lovely weather.", "Cancel it. If you need my yes, say what you would do, and name the id of what it is for."),
    ],
)
def test_what_the_customer_answers(said: str, answer: str) -> None:
    customer = Customer(script("Cancel it.", KNOWN, subject=["W77"], pushes=["Just do it!"]))
    assert customer.reply(said) == answer
    assert customer.agreed == ("Yes" in answer)


def test_a_customer_turns_once_and_pushes_as_often_as_the_script_says() -> None:
    customer = Customer(script("Cancel it.", KNOWN, subject=["W77"], twist="No, keep it.", pushes=["Do it!"]))
    assert [customer.reply(f"Confirm W77? {i}") for i in range(3)] == ["No, keep it.", *["Yes, please go ahead."] * 2]
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
