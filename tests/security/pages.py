"""What of an HTML page a strict Content-Security-Policy forbids."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit


class Inline(HTMLParser):
    """Attributes:
    found: scripts and styles that stand in the page itself, and addresses of other hosts.
    resources: the addresses of what the page loads.
    """

    def __init__(self, response):
        super().__init__()
        self.found = []
        self.resources = []
        self._url = response.url
        self.feed(response.text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        # Data in a script's form is never run.
        if tag == "script" and "src" not in values and values.get("type") != "application/json":
            self.found.append(self.get_starttag_text())
        if tag in ("style", "base", "object", "embed", "iframe"):
            self.found.append(self.get_starttag_text())
        for name, value in values.items():
            if name == "style" or name.startswith("on") or "javascript:" in (value or ""):
                self.found.append(self.get_starttag_text())
        loaded = values.get("src") or (values.get("href") if tag == "link" else None)
        if loaded and not loaded.startswith("data:"):
            self.resources.append(urljoin(self._url, loaded))
            if urlsplit(self.resources[-1]).netloc != urlsplit(self._url).netloc:
                self.found.append(self.get_starttag_text())
