"""How PostgreSQL ran a statement: the plans of all that a block asks through Django."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "


@contextmanager
def explained() -> Iterator[list[dict]]:
    """Gives a list that gets the plan of each query of the block."""
    plans: list[dict] = []

    def explain(execute, sql, params, many, context):
        if sql.lstrip().startswith(("SELECT", "WITH")):
            execute(EXPLAIN + sql, params, many, context)
            plans.append(context["cursor"].fetchone()[0][0]["Plan"])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield plans


def buffers(plan: dict) -> int:
    """All that the plan touched, in memory or not."""
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def nodes(plan: dict) -> Iterator[dict]:
    yield plan
    for inner in plan.get("Plans", []):
        yield from nodes(inner)


def rows_read(plans: list[dict], table: str) -> list[float]:
    """How many rows each scan of the table read, in all of its loops, its filter's included."""
    return [
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for plan in plans
        for node in nodes(plan)
        if node.get("Relation Name") == table
    ]
