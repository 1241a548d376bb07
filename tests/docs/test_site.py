"""The site: every page is in it, what is broken is an error, and no page asks another host."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from tests.docs import documents
from tests.docs.documents import ROOT

CONFIG = ROOT / "docs"
# What a browser fetches by itself. A link is followed by who clicks it.
FETCHED = dict.fromkeys(("img", "script", "source", "iframe"), "src")
FETCHED |= {"object": "data", "link": "href"}
REMOTE = re.compile(r"(?:[a-z]+:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"(?:@import|url\()\s*[\"']?((?:https?:)?//[^\"')]+)")


def build(sources, site):
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q"]
    return subprocess.run(
        [*command, "-c", CONFIG, sources, site],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT, folder)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path: path.read_text() for path in site.rglob("*.html")}


class Fetched(HTMLParser):
    """The addresses that a page has fetched, without those of links to itself elsewhere."""

    def __init__(self, text):
        super().__init__()
        self.addresses = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if tag in FETCHED and given.get("rel") != "canonical":
            self.addresses.append(given.get(FETCHED[tag]) or "")


def test_every_document_is_a_page(site):
    for path in documents.paths():
        assert (site / documents.name(path)).with_suffix(".html").exists(), path


def test_no_page_fetches_from_another_host(pages):
    fetched = [address for text in pages.values() for address in Fetched(text).addresses]
    assert fetched
    assert [address for address in fetched if REMOTE.match(address)] == []


def test_no_style_and_no_script_fetches_from_another_host(site):
    styles = [path for path in site.rglob("*") if path.suffix in (".css", ".svg")]
    for path in [*styles, *site.rglob("*.html")]:
        assert IN_STYLE.findall(path.read_text()) == [], path


def test_every_diagram_is_drawn_and_has_words_for_who_does_not_see_it(pages):
    sources = "".join(path.read_text() for path in documents.paths())
    drawn = re.findall(r'<img alt="([^"]+)" class="diagram"', "".join(pages.values()))
    assert drawn
    assert sorted(drawn) == sorted(re.findall(r"accTitle: (.+)", sources))
    assert len(drawn) == len(re.findall(r"^```mermaid", sources, re.MULTILINE))


def test_every_picture_is_for_one_scheme(pages):
    """What the file's name says, and as the sources have them."""
    sources = "".join(path.read_text() for path in documents.paths())
    for scheme, attribute in (("light", "src"), ("dark", "srcset")):
        found = re.findall(rf"{attribute}=\"[^\"]*?([\w-]+-{scheme}\.png)\"", sources)
        images = re.findall(rf"<img [^>]*only-{scheme}[^>]*>", "".join(pages.values()))
        assert found
        names = [re.search(r'src="[^"]*/([\w-]+\.png)"', image)[1] for image in images]
        assert sorted(names) == sorted(found)


BROKEN = ["gone-page.md", "gone-file.json", "index.md#gone-heading", "#gone-here"]


def test_a_broken_link_is_an_error(tmp_path):
    """Each of four, among pages of a heading alone."""
    sources = tmp_path / "sources"
    for path in documents.paths():
        copy = sources / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text("# Title\n")
    links = "\n".join(f"[link]({link})" for link in BROKEN)
    (sources / "docs" / "index.md").write_text(f"# Title\n\n[good](#title)\n{links}\n")
    built = build(sources, tmp_path / "site")
    assert built.returncode != 0
    reported = built.stderr.strip().splitlines()
    assert len(reported) == len(BROKEN), built.stderr
    for link, line in zip(BROKEN, reported, strict=True):
        assert link.rpartition("#")[2] in line
