from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from rest_framework.test import APIClient

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi" / "notes.yaml"


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    file = tmp_path_factory.mktemp("openapi") / "notes.yaml"
    call_command("spectacular", "--file", str(file), "--validate", "--fail-on-warn")
    return file.read_text()


def test_the_committed_document_is_what_the_code_says(document):
    """After a change that is meant: manage.py spectacular --file ../docs/openapi/notes.yaml"""
    assert COMMITTED.read_text() == document


def test_every_operation_has_a_name_a_summary_and_its_errors(document):
    paths = yaml.safe_load(document)["paths"]
    operations = [operation for path in paths.values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for operation in operations:
        assert operation["summary"]
        assert {"400", "401", "406", "503", "5XX"} <= operation["responses"].keys()
        # Without it no status is one that the document does not know.
        assert "default" not in operation["responses"]
        assert operation.get("requestBody", {"required": True})["required"]
        for parameter in operation.get("parameters", []):
            assert parameter["in"] == "path" or parameter["description"]


def test_what_every_operation_on_a_state_or_an_answer_honours_is_a_parameter(document):
    paths = yaml.safe_load(document)["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            names = {parameter["name"] for parameter in operation["parameters"]}
            assert "format" in names, (path, method)
            assert ("If-Match" in names) is ("If-None-Match" in names), (path, method)
            known = method == "get" and "If-None-Match" in names
            assert ("304" in operation["responses"]) is known, (path, method)


@pytest.mark.django_db
def test_it_is_served_with_its_pages_to_everybody(issuer):
    client = APIClient()
    served = client.get("/api/v1/schema/notes/", headers={"accept": "application/yaml"})
    assert served.status_code == 200
    assert yaml.safe_load(served.content) == yaml.safe_load(COMMITTED.read_text())
    page = client.get("/api/v1/docs/notes/", headers={"accept": "text/html"}).content.decode()
    assert "/static/notes/drf_spectacular_sidecar/" in page
    assert "https://" not in page
