"""A browser without a screen: pages, links, forms, cookies."""

from html.parser import HTMLParser
from urllib.parse import urljoin

from tests.system.client import Client


class Page(HTMLParser):
    """What a person can do on a page.

    Attributes:
        links: the addresses, by the text that shows them.
        forms: each with its action, method and the fields as they would be sent.
    """

    def __init__(self, response):
        super().__init__()
        self.url = response.url
        self.text = response.text
        self.links = {}
        self.forms = []
        self._link = None
        self._textarea = None
        self.feed(response.text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        if tag == "a" and values.get("href"):
            self._link = urljoin(self.url, values["href"])
        elif tag == "form":
            fields = {}
            action = urljoin(self.url, values.get("action") or self.url)
            self.forms.append({"action": action, "method": values.get("method"), "fields": fields})
        elif tag in ("input", "textarea") and values.get("name") and self.forms:
            self.forms[-1]["fields"][values["name"]] = values.get("value") or ""
            self._textarea = values["name"] if tag == "textarea" else None

    def handle_endtag(self, tag):
        if tag == "a":
            self._link = None
        elif tag == "textarea":
            self._textarea = None

    def handle_data(self, data):
        if self._link:
            self.links[data.strip()] = self._link
        elif self._textarea:
            # The line end after the tag is no content; HTML, 13.1.2.5.
            self.forms[-1]["fields"][self._textarea] += data.removeprefix("\n")

    def form_with(self, *names):
        (form,) = [form for form in self.forms if set(names) <= set(form["fields"])]
        return form


class Browser(Client):
    def __init__(self, url, user=None):
        super().__init__(url, user, accept="text/html,application/xhtml+xml,*/*;q=0.8")

    def open(self, path):
        return self._page(self.get(path))

    def submit(self, form, **values):
        """Fills a form in and sends it, with the token that the page put into it."""
        fields = form["fields"] | values
        assert set(values) <= set(form["fields"])
        send = self.post if form["method"].lower() == "post" else self.get
        return self._page(send(form["action"], data=fields, headers={"Referer": form["action"]}))

    def sign_in(self, path="/login/"):
        form = self.open(path).form_with("username", "password", "csrfmiddlewaretoken")
        return self.submit(form, username=self.user.username, password=self.user.password)

    def _page(self, response):
        assert response.ok, response.text
        assert response.headers["Content-Type"].startswith("text/html")
        return Page(response)
