"""The Markdown files of the repository, and what of them can be checked."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NOT_OURS = re.compile(r"/\.|/staticfiles/")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_ROW = re.compile(r"^\|(.+)\|$", re.MULTILINE)


def paths():
    """All Markdown files besides those in hidden folders and of packages."""
    tops = [path for path in ROOT.iterdir() if not path.name.startswith(".")]
    found = [path for path in tops if path.suffix == ".md"]
    for folder in filter(Path.is_dir, tops):
        found += (path for path in folder.rglob("*.md") if not _NOT_OURS.search(name(path)))
    return sorted(found)


def name(path):
    return str(path.relative_to(ROOT))


def prose(text):
    """The text without its code blocks."""
    return _FENCE.sub("", text)


def blocks(text, language):
    return [body for kind, body in _FENCE.findall(text) if kind == language]


def code(text):
    """Each line of a shell or plain block, and each piece of inline code."""
    lines = [
        line
        for kind, body in _FENCE.findall(text)
        if kind in ("", "sh")
        for line in body.splitlines()
    ]
    return lines + _INLINE.findall(prose(text))


def section(text, heading):
    """What stands below a heading of the second level, to the next one."""
    return re.split(r"^## ", text.partition(f"\n## {heading}\n")[2], flags=re.MULTILINE)[0]


def rows(text):
    """The cells of each row of the tables, without their head."""
    cells = [[cell.strip() for cell in row.split("|")] for row in _ROW.findall(text)]
    rules = [i for i, row in enumerate(cells) if set(row[0]) <= {"-", " "}]
    heads = {i - 1 for i in rules}
    return [row for i, row in enumerate(cells) if i not in heads and i not in rules]


def command_source(path):
    """Of a management command, with what its app's commands share."""
    return "".join(file.read_text() for file in (path, *path.parents[1].glob("*.py")))
