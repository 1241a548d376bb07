"""Texts that are SQL, a header, a template, a script or a command to whatever runs them."""

import re

# What templates make of the text below: nothing has it by chance.
EVALUATED = re.compile("975461057789971041|987654321988")
SUM = "987654321*987654321"
TEXTS = {
    "SQL": "x' OR '1'='1' --",
    "SQL statement": "1'); DROP TABLE notes; SELECT pg_sleep(60); --",
    "SQL pattern": "%_\\:*&|!<->() 1 UNION SELECT password FROM users",
    "header": "x\r\nX-Injected: 1\r\nSet-Cookie: injected=1\r\n\r\n<html>",
    "log": 'x\n{"event": "injected", "level": "info"}\x1b[2J\x1b]0;injected\x07',
    "template": f"{{{{{SUM}}}}}{{{{987654321987|add:1}}}}${{{SUM}}}<%={SUM}%>%(asctime)s%n{{0.x}}",
    "script": "\"'></script><script>alert(1)</script><img src=x onerror=alert(1)>",
    "command": "$(sleep 60)`sleep 60`|sleep 60;../../../../etc/passwd",
}
# Of a program, never of a request.
INNER = re.compile(
    r"Traceback|psycopg|syntax error|site-packages|root:x:0|DoesNotExist|0x[0-9a-f]{8}"
)


def one_line(text):
    """As a client can send it in a header: the others are two headers, or none."""
    return re.sub(r"[\x00-\x1f\x7f]", " ", text).strip()


def with_texts(part, form="text"):
    """A part of an OpenAPI document: its strings are such texts, also where they have a form.

    Those of an enumeration stay, so that what is chosen by them is reached, and files.

    Args: form: the name of the texts' format, `text` or `header`: see schemathesis_hooks.py.
    """
    if isinstance(part, list):
        return [with_texts(each, form) for each in part]
    if not isinstance(part, dict):
        return part
    if "string" in part.get("type", ()) and not part.keys() & {"enum", "const"}:
        if "format" not in part:
            return part | {"format": form}
        text = {"type": "string", "format": form}
        return part if part["format"] == "binary" else {"anyOf": [part, text]}
    form = "header" if part.get("in") == "header" else form
    return {
        name: value if name == "responses" else with_texts(value, form)
        for name, value in part.items()
    }
