"""Decision 12: the projects share no package, so what is alike in both must stay alike by hand."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECTS = ("users_project", "notes_project")
ALIKE = [
    "env",
    "errors",
    "exceptions",
    "logs",
    "parsers",
    "problems",
    "progress",
    "renderers",
    "slashes",
]


@pytest.mark.parametrize("module", ALIKE)
def test_both_projects_have_the_same_module(module):
    users, notes = (ROOT / project / "config" / f"{module}.py" for project in PROJECTS)
    assert users.read_text() == notes.read_text()
