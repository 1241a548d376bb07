"""Writes docs/reference/ from the code: `python docs/reference.py`, or `make reference`.

Commands come from their parsers, endpoints from the OpenAPI documents, which are generated from the
code themselves, and events from the contract that both projects are tested against.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "reference"
CONTRACT = ROOT / "docs" / "events"
PROJECTS = ("users_project", "notes_project")
WRITTEN = "<!-- Written by docs/reference.py: `make reference`. -->\n"

# The settings refuse an empty environment; no command is run, so none of these is used.
UNUSED = {
    **dict.fromkeys(("USERS_SECRET_KEY", "NOTES_SECRET_KEY"), "0" * 50),
    **dict.fromkeys(("USERS_DATABASE_URL", "NOTES_DATABASE_URL"), "postgres://-/-"),
    **dict.fromkeys(("GATEWAY_URL", "NOTES_JWKS_URL"), "http://-"),
    **dict.fromkeys(("KAFKA_BOOTSTRAP_SERVERS", "USERS_SIGNING_KEYS_DIR"), "-"),
}
# Run in a project's folder: both have a package `config`.
DUMP = """
import json, os
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand

class Bare(BaseCommand):
    pass

common = {action.dest for action in Bare().create_parser("", "")._actions}
commands = {}
for name, app in sorted(get_commands().items()):
    if not os.path.isdir(app):
        continue
    command = load_command_class(app, name)
    actions = command.create_parser("manage.py", name)._actions
    commands[name] = {"help": command.help, "arguments": [
        {"names": action.option_strings, "dest": action.metavar or action.dest,
         "takes": action.nargs != 0, "nargs": action.nargs, "required": action.required,
         "choices": list(action.choices or []), "help": action.help or ""}
        for action in actions if action.dest not in common
    ]}
print(json.dumps(commands))
"""

COMMANDS = """# Commands

Each is run as `manage.py NAME` in its project's folder, or as [operations](../operations.md)
says. Django's own options, such as `--help`, are left out. Results go to standard output. How far
long work has come goes to standard error: one line that changes on a terminal, elsewhere a line
every ten seconds. The exit code of a failure is 1 where nothing else is said, and one line says
what failed.
"""

ENDPOINTS = """# Endpoints

Parameters, bodies and answers are in the OpenAPI documents, [users.yaml](../openapi/users.yaml)
and [notes.yaml](../openapi/notes.yaml), which a running system shows at `/api/v1/docs/users/` and
`/api/v1/docs/notes/`. `operationId` is the name in a [generated client](../clients.md).
"""

EVENTS = """# Events

What a reader may rely on, and what it must do, is in [the contract](../events/README.md), with
the JSON Schemas and the AsyncAPI document.
"""


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def read_yaml(path: Path) -> Any:
    return yaml.load(path.read_text(), Loader=yaml.CSafeLoader)


def commands(project: str) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", DUMP],
        cwd=ROOT / project,
        env=os.environ | UNUSED,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def commands_page() -> Iterator[str]:
    yield COMMANDS
    for project in PROJECTS:
        yield f"## {project}\n"
        for name, command in commands(project).items():
            yield f"### {project}: {name}\n"
            yield from command_section(name, command)


def command_section(name: str, command: dict[str, Any]) -> Iterator[str]:
    text, _, examples = command["help"].partition("\nExample")
    yield f"{text}\n"
    if examples:
        lines = [f"    manage.py {each.strip()}" for each in examples.partition(":")[2].split(";")]
        yield "\n".join(lines) + "\n"
    rows = [[f"`{usage(each)}`", meaning(each)] for each in command["arguments"]]
    if rows:
        yield table(["argument", "meaning"], rows)


def usage(argument: dict[str, Any]) -> str:
    value = " or ".join(argument["choices"]) or argument["dest"].upper()
    if argument["nargs"] in ("*", "+"):
        value += " …"
    if not argument["names"]:
        return value
    (name,) = argument["names"]
    return f"{name} {value}" if argument["takes"] else str(name)


def meaning(argument: dict[str, Any]) -> str:
    required = "required: " if argument["names"] and argument["required"] else ""
    return f"{required}{argument['help']}"


def endpoints_page() -> Iterator[str]:
    yield ENDPOINTS
    for name, project in (("users", PROJECTS[0]), ("notes", PROJECTS[1])):
        yield f"## {project}\n"
        document = read_yaml(ROOT / "docs" / "openapi" / f"{name}.yaml")
        rows = [
            [
                f"`{method.upper()} {path}`",
                operation["summary"],
                f"`{operation['operationId']}`",
                "anybody" if {} in operation.get("security", [{}]) else "who is signed in",
            ]
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if method != "parameters"
        ]
        yield table(["request", "does", "`operationId`", "for"], rows)


def events_page() -> Iterator[str]:
    yield EVENTS
    document = read_yaml(CONTRACT / "asyncapi.yaml")
    rows = [
        [f"`{message['name']}`", message["summary"], message.get("description", "")]
        for message in document["components"]["messages"].values()
    ]
    yield table(["type", "sent when", "besides"], rows)
    for file in ("user-event.v1.json", "user.v1.json", "user-deleted.v1.json"):
        schema = json.loads((CONTRACT / file).read_text())
        yield f"## {schema['title']}\n"
        yield f"{schema['description']} [{file}](../events/{file})\n"
        yield table(["member", "is", "means"], list(members(schema)))


def members(schema: dict[str, Any]) -> Iterator[list[str]]:
    for name in dict.fromkeys([*schema["required"], *schema["properties"]]):
        rule = schema["properties"].get(name, {"type": "object"})
        optional = "" if name in schema["required"] else ", optional"
        yield [f"`{name}`", kind(rule) + optional, rule.get("description", "")]


def kind(rule: dict[str, Any]) -> str:
    if "const" in rule:
        return f"`{rule['const']}`"
    if "enum" in rule:
        return ", ".join(f"`{value}`" for value in rule["enum"])
    bounds = [
        f"{words} {rule[key]}"
        for key, words in (("minimum", "from"), ("maximum", "to"), ("maxLength", "at most"))
        if key in rule
    ]
    return " ".join([rule.get("format", rule["type"]), *bounds])


PAGES = {"commands.md": commands_page, "endpoints.md": endpoints_page, "events.md": events_page}


def main() -> None:
    for name, page in PAGES.items():
        (FOLDER / name).write_text(WRITTEN + "\n" + "\n".join(page()))


if __name__ == "__main__":
    main()
