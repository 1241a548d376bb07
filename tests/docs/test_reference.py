"""docs/reference/ is what the code says now."""

import importlib.util

import pytest

from tests.docs.documents import ROOT


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder that the script writes."""
    specification = importlib.util.spec_from_file_location("reference", ROOT / "docs/reference.py")
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    script.FOLDER = tmp_path_factory.mktemp("reference")
    script.main()
    return script.FOLDER


@pytest.mark.parametrize("page", ["commands.md", "endpoints.md", "events.md"])
def test_a_page_is_as_it_would_be_written(written, page):
    there = (ROOT / "docs" / "reference" / page).read_text()
    assert (written / page).read_text() == there, "run `make reference`"
