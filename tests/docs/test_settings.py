"""The variables in the code, in .env.example and in docs/settings.md are the same."""

import ast
import re

import pytest

from devstack import external
from tests.docs.documents import ROOT, rows, section

SETTINGS = (ROOT / "docs" / "settings.md").read_text()
REQUIRED = "required"
COMPUTED = "computed"
# In the table's words, for a default that is not a literal.
COMPUTED_DEFAULTS = {
    "ALLOWED_HOSTS": "the host of `GATEWAY_URL`",
    "KAFKA_USERNAME": "empty; *required* with `SASL_`",
    "KAFKA_PASSWORD": "empty; *required* with `SASL_`",
}
SECTIONS = {
    "users": ["Both services", "users_project"],
    "notes": ["Both services", "notes_project"],
}


def calls(path):
    return [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


def of_code(project):
    """Variables that a project reads through an `env`, each with its default."""
    found = {}
    for module in ("settings.py", "gunicorn.conf.py"):
        for call in calls(ROOT / f"{project}_project" / "config" / module):
            if not ast.unparse(call.func).startswith("env.") or not call.args:
                continue
            variable, *default = call.args
            found[variable.value] = default_of(default[0] if default else None)
    return found


def default_of(node):
    if node is None:
        return REQUIRED
    if not isinstance(node, ast.Constant):
        return COMPUTED
    return str(node.value).lower() if isinstance(node.value, bool) else str(node.value)


def documented(*headings):
    """The variables of these sections' tables, each with its default."""
    found = {}
    for heading in headings:
        for variable, *cells in rows(section(SETTINGS, heading)):
            default = cells[1] if len(cells) == 4 else cells[0]
            found[variable.strip("`")] = default
    return found


def in_words(variable, default):
    """A default of the code as the table has it."""
    if default == COMPUTED:
        return COMPUTED_DEFAULTS[variable]
    return {REQUIRED: "*required*", "": "empty"}.get(default, f"`{default}`")


def of_example():
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("project", ["users", "notes"])
def test_the_tables_are_what_the_project_reads(project):
    in_code = {name: in_words(name, default) for name, default in of_code(project).items()}
    assert in_code == documented(*SECTIONS[project])


def test_the_example_is_what_both_projects_read():
    in_code = of_code("users") | of_code("notes")
    without_value = (REQUIRED, COMPUTED)
    assert of_example() == {
        name: "" if default in without_value else default for name, default in in_code.items()
    }


def test_what_both_read_has_one_default():
    users, notes = of_code("users"), of_code("notes")
    both = users.keys() & notes.keys()
    assert both == documented("Both services").keys()
    assert {name: users[name] for name in both} == {name: notes[name] for name in both}


def test_the_gateways_table():
    template = (ROOT / "gateway_nginx" / "nginx.conf.template").read_text()
    directives = re.sub(r"^\s*#.*$", "", template, flags=re.MULTILINE)
    image = dict(
        re.findall(
            r"^\s+([A-Z_]+)=(\S+)", (ROOT / "gateway_nginx" / "Dockerfile").read_text(), re.M
        )
    )
    variables = set(re.findall(r"\$\{([A-Z_]+)\}", directives))
    assert {name: f"`{image[name]}`" for name in variables} == documented("Gateway")


def test_the_table_of_compose():
    uses = dict(re.findall(r"\$\{([A-Z_]+):-([^$}]*)", (ROOT / "compose.yaml").read_text()))
    table = documented("Docker Compose")
    assert table.keys() == uses.keys()
    assert table["PORT"] == f"`{uses['PORT']}`"
    assert table["ALLOWED_HOSTS"] == f"`{uses['ALLOWED_HOSTS']}`"
    assert table["GATEWAY_URL"] == f"`{uses['GATEWAY_URL']}` and `PORT`"


def test_the_table_of_the_devstack():
    """Its defaults are spread over its modules: the names alone are compared."""
    named = set(re.findall(r"^([A-Z_]+) \?=", (ROOT / "Makefile").read_text(), re.M))
    for path in (ROOT / "devstack").glob("*.py"):
        gets = [call for call in calls(path) if ast.unparse(call.func) == "os.environ.get"]
        named |= {call.args[0].value for call in gets if isinstance(call.args[0], ast.Constant)}
    named |= {external.KAFKA, external.USERS_DATABASE, external.NOTES_DATABASE}
    assert documented("`make run` and its relatives").keys() == named


def test_every_check_is_documented():
    code = "".join(path.read_text() for path in ROOT.glob("*_project/*/checks.py"))
    for check_id in re.findall(r'id="([a-z]+\.[EW]\d+)"', code):
        assert f"`{check_id}`" in SETTINGS
