"""What the packages bring along, and that no finding passes without an answer."""

import json
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from requirements import supply

ANSWERS = {"left-pad": {"found": "WTFPL", "reason": "Nothing uses it."}}
OSV = "http://127.0.0.1:{}/v1/query"


@pytest.fixture(scope="module")
def bom(tmp_path_factory):
    file = tmp_path_factory.mktemp("sbom") / "sbom.cdx.json"
    supply.main("sbom", file)
    return json.loads(file.read_text())


def test_the_licences_of_all_packages_are_answered(capsys):
    supply.main("licences")
    lines = capsys.readouterr().out.splitlines()
    pins = supply.pinned(supply.REQUIREMENTS / "dev.txt")
    assert {"django", "psycopg", "pytest"} <= {line.split()[0].lower() for line in lines}
    assert len(lines) > len(pins) * 0.9


@pytest.mark.parametrize(
    ("findings", "lines"),
    [
        ({"left-pad": "WTFPL"}, []),
        ({}, ["left-pad: WTFPL: this answer is not needed any more"]),
        (
            {"left-pad": "WTFPL", "right-pad": "AGPL-3.0-only"},
            ["right-pad: AGPL-3.0-only: has no answer in answers.toml"],
        ),
        (
            {"left-pad": "AGPL-3.0-only"},
            [
                "left-pad: AGPL-3.0-only: has no answer in answers.toml",
                "left-pad: WTFPL: this answer is not needed any more",
            ],
        ),
    ],
)
def test_each_finding_has_its_answer_and_each_answer_its_finding(findings, lines):
    assert supply.unsettled(findings, ANSWERS) == lines


def test_which_licences_are_findings():
    def component(name, *licences):
        return {"name": name, "licenses": [{"license": {"id": each}} for each in licences]}

    components = [
        component("a", "MIT"),
        component("b", "MIT OR GPL-2.0-only"),
        component("c"),
        {"name": "d", "licenses": [{"expression": "(MIT AND ISC)"}]},
        component("e", "MIT", "License :: DFSG approved"),
    ]
    assert supply.licence_findings(components, ["MIT", "ISC", "0BSD"]) == {
        "b": "MIT OR GPL-2.0-only",
        "c": "none named",
        "e": "MIT / License :: DFSG approved",
        "0BSD": "accepted, and nothing has it",
    }


@pytest.fixture
def vulnerable():
    """A service that answers as OSV does, knows something of Django, and what it was asked for."""

    class Service(BaseHTTPRequestHandler):
        asked = []

        def do_POST(self):
            question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = question["package"]["name"]
            self.asked.append(name)
            known = {
                "id": "PYSEC-1-1",
                "aliases": ["CVE-1-1"],
                "modified": "2026-01-01T00:00:00Z",
                "published": "2026-01-01T00:00:00Z",
                "summary": "It is too trusting.",
                "affected": [{"package": {"name": "django", "ecosystem": "PyPI"}, "ranges": []}],
            }
            content = json.dumps({"vulns": [known]} if name == "django" else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Service)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield OSV.format(server.server_port), Service.asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_known_vulnerability_is_a_finding(vulnerable, capsys):
    url, asked = vulnerable
    with pytest.raises(SystemExit) as refused:
        supply.main("vulnerabilities", "--osv-url", url)
    assert refused.value.code == "PYSEC-1-1: django: has no answer in answers.toml"
    assert re.search(r"^\d+ packages looked up$", capsys.readouterr().out.strip())
    assert {"psycopg", "confluent-kafka", "pytest"} <= set(asked)


@pytest.mark.parametrize("name", ["PYSEC-1-1", "CVE-1-1"])
def test_it_is_answered_by_any_of_its_names(name):
    package = {"name": "django", "vulns": [{"id": "PYSEC-1-1", "aliases": ["CVE-1-1"]}]}
    findings = supply.vulnerability_findings({"dependencies": [package]}, [name])
    assert findings == {name: "django"}


def test_what_was_not_looked_up_is_a_finding():
    skipped = {"name": "django", "skip_reason": "not found"}
    findings = supply.vulnerability_findings({"dependencies": [skipped]}, [])
    assert findings == {"django": "not looked up: not found"}


def test_a_service_that_does_not_answer_fails_the_check():
    command = [sys.executable, "requirements/supply.py", "vulnerabilities"]
    ended = subprocess.run(
        [*command, "--osv-url", OSV.format(1)],
        cwd=supply.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("Nothing is audited, the vulnerability service does not answer")
    assert ended.stderr.count("\n") == 1


def test_the_bill_of_materials_has_all_that_is_deployed(bom):
    types = {}
    for each in bom["components"]:
        types.setdefault(each["type"], set()).add(each["name"])
    images = {"users_project", "notes_project", "gateway_nginx", "python", "postgres"}
    assert images | {"apache/kafka", "nginxinc/nginx-unprivileged"} == types["container"]
    for project in ("users", "notes"):
        pins = supply.pinned(supply.REQUIREMENTS / f"{project}.txt")
        assert set(pins) <= {supply.normalised(name) for name in types["library"]}
    assert "pytest" not in types["library"]


def test_the_versions_are_the_pinned_ones(bom):
    pins = (supply.REQUIREMENTS / "dev.txt").read_text()
    for each in bom["components"]:
        if each["type"] == "library":
            pin = f"{supply.normalised(each['name'])}=={each['version']}"
            assert re.search(rf"^{re.escape(pin)}[ ;]", pins, re.MULTILINE), pin


def test_no_list_names_a_registry(bom):
    lists = [json.dumps(bom)]
    lists += [file.read_text() for file in supply.REQUIREMENTS.glob("*.txt")]
    assert not [text for text in lists if "://" in text]
