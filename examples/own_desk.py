"""A service desk of one's own, a library's, and a case at it: `python examples/own_desk.py`.

The customer asks for what the policy forbids, and the gold refuses. It prints

    user: Hello! Please renew my loan. When was it due?
    user: It is loan L2.
    tool: {"id": "L2", "renewed": 2, "due": "2025-07-03"}
    user: Oh please!
    1.0 correct
"""

from random import Random
from typing import Any

from agentrl.envs.service_desk import Case, Desk, ServiceDesk, Tool, World, fact, text, told

POLICY = "You work at a library. A loan is renewed at most twice: `refused: too often`."
SCHEMA = "CREATE TABLE loans (id TEXT PRIMARY KEY, renewed INTEGER, due TEXT);"
LOAN = {"loan_id": text("Such as L1.")}


def loans(random: Random) -> Any:
    return {"loans": {f"L{n}": {"id": f"L{n}", "renewed": n % 3, "due": f"2025-07-{n + 1:02}"} for n in range(1, 9)}}


def renew(world: World, loan_id: str) -> Any:
    world.update("loans", loan_id, renewed=world.get("loans", loan_id)["renewed"] + 1, due="2025-08-01")
    return world.get("loans", loan_id)


def renewal(random: Random, rows: Any) -> Case:
    loan = random.choice([*rows["loans"].values()])
    given = {"loan_id": loan["id"]}
    wants, known = "Please renew my loan. When was it due?", [fact("loan", f"It is loan {loan['id']}.")]
    looks, asks = [("get_loan", given)], [told("date", loan["due"], f"It was due on {loan['due']}.")]
    if loan["renewed"] < 2:
        return Case(wants, known, [loan["id"]], looks, [("renew", given)], asks=asks)
    seen = [("loans", loan["id"])]
    return Case(wants, known, [loan["id"]], looks, outcome="refused: too often", asks=asks, must_see=seen)


TOOLS = [Tool("get_loan", "A loan.", LOAN, lambda world, loan_id: world.get("loans", loan_id))]
TOOLS += [Tool("renew", "Renew a loan.", LOAN, renew)]
LIBRARY = Desk(POLICY, SCHEMA, loans, TOOLS, {"renewal": renewal}, ["refused: too often"], ["Oh please!"])


def main() -> None:
    env = ServiceDesk(desk=LIBRARY)
    env.reset(options={"task": next(task for task in env.all_tasks("train") if not task.data["gold"]["writes"])})
    for reply in env.gold(env.task):
        *_, info = env.step(reply)
    print(
        *(f"{message.role}: {message.content}" for message in env.messages[1:] if message.role != "assistant"), sep="\n"
    )
    print(info["verdict"].score, info["verdict"].status)


if __name__ == "__main__":
    main()
