"""docs/reference/ is what the code says now."""

import importlib.util

import pytest

from tests.docs.documents import ROOT


@pytest.fixture(scope="module")
def script():
    specification = importlib.util.spec_from_file_location("reference", ROOT / "docs/reference.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def written(script, tmp_path_factory):
    """The folder that the script writes."""
    script.FOLDER = tmp_path_factory.mktemp("reference")
    script.main()
    return script.FOLDER


@pytest.mark.parametrize("page", ["commands.md", "endpoints.md", "events.md"])
def test_a_page_is_as_it_would_be_written(written, page):
    there = (ROOT / "docs" / "reference" / page).read_text()
    assert (written / page).read_text() == there, "run `make reference`"


@pytest.mark.parametrize("project", ["users_project", "notes_project"])
def test_every_command_has_an_example_and_says_what_each_argument_is(script, project):
    for name, command in script.commands(project).items():
        assert name in command["help"].partition("\nExample")[2], name
        unexplained = [each["dest"] for each in command["arguments"] if not each["help"]]
        assert unexplained == [], name
