"""Requests straight to users_project, never through a proxy of the environment."""

from __future__ import annotations

import urllib.request

open_directly = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
