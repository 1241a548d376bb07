"""Decision 12: the projects share no package, so what is alike in both must stay alike by hand."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = """
    admin_lists arguments bodies env errors exceptions headers kafka limits logs negotiation parsers
    postgresql/base problems progress renderers roles slashes schema strict_json
    words
"""
ALIKE = [(f"config/{module}.py", f"config/{module}.py") for module in CONFIG.split()]
ALIKE += [(f"outbox/{module}.py", f"inbox/{module}.py") for module in ("digests", "signals")]


@pytest.mark.parametrize(("users", "notes"), ALIKE)
def test_both_projects_have_the_same_module(users, notes):
    first, second = ROOT / "users_project" / users, ROOT / "notes_project" / notes
    assert first.read_text() == second.read_text()
