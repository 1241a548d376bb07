"""The documentation site: the Markdown files of the repository, as they are, by Sphinx and MyST.

`make docs` builds it into site/. Its sources begin at the repository's root, so that a link leads
to the same place there, on a forge and in an editor. Nothing is fetched, neither by the build nor
by a page.
"""

import hashlib
import os
import re
from pathlib import Path

import mermaidx
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

ROOT = Path(__file__).parents[1]

project = "Notes on events"
root_doc = "docs/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**.md"]
extensions = ["myst_parser"]
# What GitHub makes of headings, and of fences that are pictures.
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
nitpicky = True

html_theme = "furo"
html_title = project
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_copy_source = False
html_use_index = False
html_show_copyright = False

# A page that is missing here is a warning, and so an error.
NAVIGATION = {
    "Begin": ["/README", "tutorial"],
    "How to": ["how-to/*", "debezium/README", "/CONTRIBUTING"],
    "Explanation": ["architecture", "notes", "events/README", "security", "benchmarks/README"],
    "Reference": ["reference/*", "settings", "clients", "operations", "/CHANGELOG"],
    "Decisions": ["decisions/README", "decisions/0*"],
}


def add_navigation(_: Sphinx, name: str, source: list[str]) -> None:
    """To the first page, which a forge shows without it."""
    if name == root_doc:
        for caption, pages in NAVIGATION.items():
            lines = ["```{toctree}", ":hidden:", ":glob:", f":caption: {caption}", *pages, "```"]
            source[0] += "\n" + "\n".join(lines) + "\n"


PICTURE = re.compile(
    r"<picture>\s*<source [^>]*srcset=\"(?P<dark>[^\"]+)\">"
    r"\s*<img alt=\"(?P<alt>[^\"]+)\" src=\"(?P<light>[^\"]+)\">\s*</picture>"
)


def show_pictures(_app: Sphinx, _name: str, source: list[str]) -> None:
    """A forge chooses by the reader's scheme, the theme by a class."""

    def images(picture: re.Match[str]) -> str:
        return "\n".join(
            f"```{{image}} {picture[scheme]}\n:alt: {picture['alt']}\n:class: only-{scheme}\n```\n"
            for scheme in ("light", "dark")
        )

    source[0] = PICTURE.sub(images, source[0])


class Mermaid(SphinxDirective):
    """A ```` ```mermaid ```` fence as an SVG, drawn by Mermaid itself while the site is built.

    Its `accTitle` becomes the text for who does not see it.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        source = "\n".join(self.content)
        title = re.search(r"^\s*accTitle: *(.+)$", source, re.MULTILINE)
        if not title:
            raise self.error("A diagram needs a line `accTitle: WHAT IT SHOWS`.")
        # Drawing takes seconds; the next build finds it.
        drawn = f"{mermaidx.__version__}{source}".encode()
        path = self.env.doctreedir / "mermaid" / f"{hashlib.sha256(drawn).hexdigest()[:16]}.svg"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(mermaidx.render(source).svg())
        page = self.env.doc2path(self.env.docname).parent
        address = os.path.relpath(path, page)
        # With a width it is a link to itself, in full size.
        return [nodes.image(uri=address, alt=title[1], width="100%", classes=["diagram"])]


def setup(app: Sphinx) -> None:
    app.connect("source-read", add_navigation)
    app.connect("source-read", show_pictures)
    app.add_directive("mermaid", Mermaid)
