"""What the packages of ``*.txt`` bring along: licences, known vulnerabilities, a list of all parts.

    python requirements/supply.py licences | vulnerabilities | sbom FILE

A finding that stays has its answer in ``answers.toml``. The first two end with an error where one
has none, and where an answer has no finding any more.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

REQUIREMENTS = Path(__file__).parent
REPOSITORY = REQUIREMENTS.parent
BIN = Path(sys.executable).parent
NAME = "notes-on-events"

Answers = Mapping[str, Mapping[str, str]]
"""By finding: ``found``, what was found, and ``reason``, why it stays."""


def unsettled(findings: Mapping[str, str], answers: Answers) -> list[str]:
    """A line for each finding without its answer, and each answer without its finding."""
    lines = [
        f"{name}: {found}: has no answer in answers.toml"
        for name, found in findings.items()
        if name not in answers or answers[name]["found"] != found
    ]
    lines += [
        f"{name}: {answer['found']}: this answer is not needed any more"
        for name, answer in answers.items()
        if findings.get(name) != answer["found"]
    ]
    return lines


def installed() -> dict[str, Any]:
    """The CycloneDX document of all packages that are installed beside this interpreter."""
    command = [str(BIN / "cyclonedx-py"), "environment", "--output-reproducible", sys.executable]
    return dict(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))


def licences_of(component: Mapping[str, Any]) -> list[str]:
    """Names, identifiers and expressions of SPDX, or classifiers."""
    found = []
    for each in component.get("licenses", ()):
        known = each.get("license", each)
        found.append(known.get("expression") or known.get("id") or known["name"])
    return found


def terms_of(licence: str) -> set[str]:
    """The licences that an expression names, whether all of them hold or one is to be chosen."""
    if licence.startswith("License ::"):
        return {licence}
    return {term.strip("() ") for term in re.split(r" (?:AND|OR) ", licence)}


def licence_findings(
    components: Iterable[Mapping[str, Any]], accepted: Iterable[str]
) -> dict[str, str]:
    """By package the licences of those that have another one than the accepted, or none; and by
    itself each accepted one that nothing has."""
    findings, unused = {}, set(accepted)
    for component in components:
        found = licences_of(component)
        terms = set().union(*map(terms_of, found))
        if not terms or terms - set(accepted):
            findings[component["name"]] = " / ".join(found) or "none named"
        unused -= terms
    return findings | dict.fromkeys(unused, "accepted, and nothing has it")


def vulnerability_findings(audited: Mapping[str, Any], answered: Iterable[str]) -> dict[str, str]:
    """By identifier the packages of what pip-audit found; by package what it could not look up.

    Args:
        answered: the identifiers that are taken where a vulnerability has several.
    """
    findings = {}
    for package in audited["dependencies"]:
        if "skip_reason" in package:
            findings[package["name"]] = f"not looked up: {package['skip_reason']}"
        for each in package.get("vulns", ()):
            names = [each["id"], *each["aliases"]]
            name = next((name for name in names if name in answered), names[0])
            findings[name] = package["name"]
    return findings


def deployed() -> dict[str, str | None]:
    """The images of compose.yaml, each with the one that it is built on where it is built here."""
    images: dict[str, str | None] = {}
    for service in yaml.safe_load((REPOSITORY / "compose.yaml").read_text())["services"].values():
        if "build" in service:
            dockerfile = (REPOSITORY / service["build"]["dockerfile"]).read_text()
            images[service["image"]] = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)[-1]
        else:
            images.setdefault(service["image"], None)
    return images


def bill_of_materials() -> dict[str, Any]:
    """What compose.yaml deploys, as a CycloneDX document: images, and the packages in them.

    What the images come with, such as Debian's packages, is theirs to tell.
    """
    packages = installed()
    by_name = {normalised(each["name"]): each for each in packages["components"]}
    needs = {each["ref"]: each.get("dependsOn", []) for each in packages["dependencies"]}
    components: dict[str, dict[str, Any]] = {}
    depends: dict[str, list[str]] = {}
    for image, base in deployed().items():
        for each in filter(None, (image, base)):
            components[each] = container(each)
        names = pinned(REQUIREMENTS / f"{image.removesuffix('_project')}.txt") if base else []
        included = {by_name[name]["bom-ref"]: package(by_name[name]) for name in names}
        components |= included
        for ref in included:
            depends.setdefault(ref, [each for each in needs[ref] if each in included])
        depends[image] = [*filter(None, [base]), *included]
    bom = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "all", "name": NAME}},
        "components": list(components.values()),
        "dependencies": [
            {"ref": ref, "dependsOn": others}
            for ref, others in {"all": list(deployed()), **depends}.items()
        ],
    }
    refused = JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bom))
    if refused:
        sys.exit(f"The document is not CycloneDX: {refused}")
    return bom


def container(image: str) -> dict[str, Any]:
    name, _, tag = image.partition(":")
    known = {"version": tag, "purl": f"pkg:docker/{image.replace(':', '@')}"} if tag else {}
    return {"type": "container", "bom-ref": image, "name": name, **known}


def package(component: Mapping[str, Any]) -> dict[str, Any]:
    """Without the addresses that it names: they are not where it was taken from."""
    kept = ("type", "bom-ref", "name", "version", "licenses", "purl")
    return {key: component[key] for key in kept if key in component}


def pinned(requirements: Path) -> list[str]:
    """The packages of a compiled file; of none where there is no such file."""
    text = requirements.read_text() if requirements.exists() else ""
    return re.findall(r"^([a-z0-9._-]+)==", text, re.MULTILINE)


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def audited(requirements: Path, *options: str) -> dict[str, Any]:
    """What pip-audit says. Ends the process where the vulnerability service does not answer."""
    asked = subprocess.run(
        [
            *(BIN / "pip-audit", "--requirement", requirements, "--disable-pip"),
            *("--require-hashes", "--vulnerability-service", "osv", "--format", "json"),
            *("--progress-spinner", "off", *options),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return dict(json.loads(asked.stdout))
    except json.JSONDecodeError:
        reason = (asked.stderr.strip().splitlines() or ["no output"])[-1]
        sys.exit(f"Nothing is audited, the vulnerability service does not answer: {reason}")


def main(what: str, *rest: str) -> None:
    answers = tomllib.loads((REQUIREMENTS / "answers.toml").read_text())
    if what == "sbom":
        Path(rest[0]).write_text(json.dumps(bill_of_materials(), indent=1, sort_keys=True) + "\n")
        return
    if what == "licences":
        packages = installed()["components"]
        for each in packages:
            print(f"{each['name']} {each['version']}: {' / '.join(licences_of(each))}")
        findings = licence_findings(packages, answers["accepted_licences"])
    else:
        found = audited(REQUIREMENTS / "dev.txt", *rest)
        print(f"{len(found['dependencies'])} packages looked up")
        findings = vulnerability_findings(found, answers[what])
    lines = unsettled(findings, answers[what])
    if lines:
        sys.exit("\n".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
