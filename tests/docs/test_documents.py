"""Links lead somewhere, and every command that the documents name exists."""

import ast
import re
from pathlib import Path
from urllib.parse import unquote

import django.core.management as management
import pytest

from tests.docs import documents
from tests.docs.documents import ROOT

PATHS = documents.paths()
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.M))
PROJECTS = {
    project: {
        path.stem: documents.command_source(path)
        for path in ROOT.glob(f"{project}_project/*/management/commands/[a-z]*.py")
    }
    for project in ("users", "notes")
}
DJANGOS = {
    command
    for package in ("django.core", "django.contrib.auth", "django.contrib.staticfiles")
    for command in management.find_commands(
        str(Path(management.__file__).parents[2] / package.partition(".")[2].replace(".", "/"))
        + "/management"
    )
} | {"spectacular"}

every_document = pytest.mark.parametrize("path", PATHS, ids=documents.name)


def anchors(path):
    """GitHub's names of the headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_document
def test_links_lead_somewhere(path):
    for link in LINK.findall(documents.prose(path.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = unquote(link).partition("#")
        target = path.parent / file if file else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@every_document
def test_make_targets_exist(path):
    for code in documents.code(path.read_text()):
        for target in re.findall(r"(?:^|[;&|] *)make ([a-z][a-z-]*)", code):
            assert target in TARGETS, code


@every_document
def test_management_commands_and_their_options_exist(path):
    """A line that names a service of compose.yaml belongs to one project."""
    for code in documents.code(path.read_text()):
        for command, rest in re.findall(r"manage\.py ([a-z_]+)([^|;&<>]*)", code):
            options = re.findall(r" (--[a-z-]+)", rest)
            sources = [
                commands[command]
                for project, commands in PROJECTS.items()
                if command in commands and not names_the_other(code, project)
            ]
            assert sources or command in DJANGOS, code
            fitting = [all(f'"{option}"' in source for option in options) for source in sources]
            assert any(fitting) or not sources, code


def names_the_other(code, project):
    return {"users": "notes", "notes": "users"}[project] + "-" in code.partition("manage.py")[0]


@every_document
def test_files_that_are_named_exist(path):
    """Inline code that looks like a path from the repository's root."""
    for code in documents.code(path.read_text()):
        if re.fullmatch(
            r"(docs|tests|devstack|requirements|\w+_project|gateway_nginx)/[\w./-]*", code
        ):
            assert (ROOT / code).exists(), code


def test_pictures_are_small_and_all_of_them_are_shown():
    shown = {
        (path.parent / address).resolve()
        for path in PATHS
        for address in re.findall(r'(?:src|srcset)="([^"]+)"', documents.prose(path.read_text()))
    }
    pictures = set((ROOT / "docs" / "screenshots").iterdir())
    assert shown == pictures
    assert max(path.stat().st_size for path in pictures) < 150_000


def log_events():
    """The events that the code logs as a warning or an error."""
    for path in ROOT.glob("*_project/**/*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = ast.unparse(node.func)
                if called in ("logger.warning", "logger.error", "logger.exception"):
                    yield node.args[0].value


@pytest.mark.parametrize("event", sorted(set(log_events())))
def test_every_warning_is_explained(event):
    assert f"`{event}`" in (ROOT / "docs" / "operations.md").read_text()
