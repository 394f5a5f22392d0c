"""The tables of spec section 6 as the queries name them; who writes them makes them."""

from __future__ import annotations

from sqlalchemy import column, table

RECORD = table("record", column("user"), column("item"), column("behavior"), column("time"))
TOP = table("top", column("window_end"), column("rank"), column("item"), column("count"))
RECOMMENDATION = table(
    "recommendation",
    column("user"),
    column("time"),
    column("items"),
    column("policy"),
    column("propensities"),
    column("last_reward"),
)
POLICY_MINUTE = table(
    "policy_minute",
    column("policy"),
    column("minute"),
    column("recommendations"),
    column("hits"),
    column("reward"),
)
JOB = table("job", column("name"), column("value"))
