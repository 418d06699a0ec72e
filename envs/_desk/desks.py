"""The desks that come with the environment."""

from __future__ import annotations

from agentrl.envs._desk import airline_cases, airline_world, bank_cases, bank_world, retail_cases, retail_world
from agentrl.envs._desk.desk import Desk

__all__ = ["DESKS"]

RETAIL = Desk(
    policy=retail_world.POLICY,
    schema=retail_world.SCHEMA,
    rows=retail_world.rows,
    tools=retail_world.TOOLS,
    templates=retail_cases.TEMPLATES,
    refusals=retail_world.REFUSALS,
)
AIRLINE = Desk(
    policy=airline_world.POLICY,
    schema=airline_world.SCHEMA,
    rows=airline_world.rows,
    tools=airline_world.TOOLS,
    templates=airline_cases.TEMPLATES,
    refusals=airline_world.REFUSALS,
)
BANK = Desk(
    policy=bank_world.POLICY,
    schema=bank_world.SCHEMA,
    rows=bank_world.rows,
    tools=bank_world.TOOLS,
    templates=bank_cases.TEMPLATES,
    refusals=bank_world.REFUSALS,
)
DESKS = {"retail": RETAIL, "airline": AIRLINE, "bank": BANK}
