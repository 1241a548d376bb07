"""Requests straight to users_project: through no proxy of the environment, and to nobody that an
answer names."""

from __future__ import annotations

import urllib.request


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """A redirect is an HTTPError like any other."""


open_directly = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects()).open
