"""Decision 12: the projects share no package, so what is alike in both must stay alike by hand."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = """
    admin_lists arguments bodies env errors exceptions headers kafka limits logs negotiation parsers
    plots postgresql/base problems progress renderers roles slashes schema strict_json words
"""
ALIKE = [(f"config/{module}.py", f"config/{module}.py") for module in CONFIG.split()]
ALIKE += [(f"outbox/{module}.py", f"inbox/{module}.py") for module in ("digests", "signals")]
PAGES = """
    static/api/api.css static/api/api.js static/api/docs.css static/api/redoc.js
    static/api/swagger.js static/config/admin.css static/config/base.css static/config/follow.js
    static/config/labels.js templates/admin/pipeline.html templates/admin/plot.html
    templates/drf_spectacular/redoc.html templates/drf_spectacular/swagger_ui.html
    templates/problem.html templates/rest_framework/api.html templates/rest_framework/headers.html
    templates/rest_framework/horizontal/field.html templates/rest_framework/horizontal/input.html
    templates/rest_framework/pagination/previous_and_next.html
"""
ALIKE += [(f"config/{file}", f"config/{file}") for file in PAGES.split()]


@pytest.mark.parametrize(("users", "notes"), ALIKE)
def test_both_projects_have_the_same_file(users, notes):
    first, second = ROOT / "users_project" / users, ROOT / "notes_project" / notes
    assert first.read_text() == second.read_text()
