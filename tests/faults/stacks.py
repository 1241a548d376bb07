"""Stacks that are laid out for one kind of fault."""

from urllib.parse import urlsplit, urlunsplit

from devstack.kafka import Kafka
from devstack.nginx import Nginx
from devstack.ports import Ports, free_ports
from devstack.postgres import Postgres
from devstack.stack import Stack
from tests.faults.clock import Clock
from tests.faults.disk import SmallDisk
from tests.faults.network import Network


class NetworkStack(Stack):
    """Each part reaches each other by a link of its own in ``network``, named after the two."""

    def __init__(self, folder, ports, **options):
        super().__init__(folder, ports, **options)
        listeners = {name: free_ports() for name in ("relay", "consumer")}
        self.network = Network(
            {
                "gateway-users": ports.users,  # These two in a row, as `Ports` has them.
                "gateway-notes": ports.notes,
                "users-users_db": ports.users_db,
                "relay-users_db": ports.users_db,
                "notes-notes_db": ports.notes_db,
                "consumer-notes_db": ports.notes_db,
                "relay-kafka": listeners["relay"],
                "consumer-kafka": listeners["consumer"],
                "notes-users": ports.users,
            }
        )
        link = self.network.links
        proxied = Ports(ports.gateway, link["gateway-users"].port)
        self.gateway = Nginx("gateway", self.children, self.gateway.folder, proxied)
        self.kafka = ListeningKafka(
            "kafka",
            self.children,
            self.kafka.folder,
            [(ports.kafka, ports.kafka_controller)],
            listeners={port: link[f"{name}-kafka"].port for name, port in listeners.items()},
        )
        for part in (self.users, self.notes, self.relay, self.consumer):
            part.environment = lambda project, name=part.name: self._environment(project, name)

    def start(self):
        self.network.start()
        super().start()

    def close(self):
        super().close()
        self.network.stop()

    def _environment(self, project, name):
        """What the part reaches, it reaches by its links."""
        environment = self.environment_of(project)
        link = self.network.links
        database = f"{project.upper()}_DATABASE_URL"
        environment[database] = moved(environment[database], link[f"{name}-{project}_db"].port)
        if kafka := link.get(f"{name}-kafka"):
            environment["KAFKA_BOOTSTRAP_SERVERS"] = f"127.0.0.1:{kafka.port}"
        if project == "notes":
            environment["NOTES_JWKS_URL"] = moved(
                environment["NOTES_JWKS_URL"], link["notes-users"].port
            )
        return environment


class ListeningKafka(Kafka):
    """Args: listeners: more ports to listen on, and the port that each one's clients are told."""

    def __init__(self, *arguments, listeners):
        super().__init__(*arguments)
        self._listeners = listeners

    def settings(self):
        settings = super().settings()
        names = {port: f"PROXIED{port}" for port in self._listeners}
        own = settings["listeners"].partition(",")[0]
        more = "".join(f",{name}://127.0.0.1:{port}" for port, name in names.items())
        told = "".join(f",{names[port]}://127.0.0.1:{at}" for port, at in self._listeners.items())
        protocols = "".join(f",{name}:PLAINTEXT" for name in names.values())
        return settings | {
            "listeners": settings["listeners"] + more,
            "advertised.listeners": own + told,
            "listener.security.protocol.map": settings["listener.security.protocol.map"]
            + protocols,
        }


def moved(url, port):
    """The URL with another port."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rpartition(':')[0]}:{port}"))


class ClusterStack(Stack):
    """Three brokers with a copy each; a message counts once two of them have written it."""

    COPIES, WRITTEN = 3, 2

    def __init__(self, folder, ports, **options):
        super().__init__(folder, ports, **options)
        first = free_ports(6)
        nodes = [(first + n, first + n + 1) for n in (0, 2, 4)]
        self.kafka_2, self.kafka_3 = (
            Kafka(f"kafka_{n}", self.children, self.folder / f"kafka_{n}", nodes, n - 1)
            for n in (2, 3)
        )
        self.kafka = FirstOfThree("kafka", self.children, self.folder / "kafka", nodes)
        self.kafka.others = [self.kafka_2, self.kafka_3]

    @property
    def parts(self):
        first, *rest = super().parts
        return [first, *self.kafka.others, *rest]

    def environment(self):
        return super().environment() | {
            "KAFKA_TOPIC_REPLICATION_FACTOR": str(self.COPIES),
            "KAFKA_TOPIC_MIN_INSYNC_REPLICAS": str(self.WRITTEN),
        }


class FirstOfThree(Kafka):
    """The one that the stack knows; none of them answers before there are two."""

    def start(self):
        for other in self.others:
            other.start()
        super().start()


class SmallDiskStack(Stack):
    """The three servers keep their data on a small disk each, in ``disks`` by their names."""

    def __init__(self, folder, ports, **options):
        super().__init__(folder, ports, **options)
        self.disks = {}
        for server in (self.users_db, self.notes_db, self.kafka):
            self.disks[server.name] = SmallDisk(
                self.children, self.folder / f"disk-{server.name}", megabytes=150
            )
        disks = {name: disk.folder / name for name, disk in self.disks.items()}
        self.users_db = Postgres(
            "users_db", self.children, disks["users_db"], ports.users_db, durable=False
        )
        self.notes_db = Postgres(
            "notes_db", self.children, disks["notes_db"], ports.notes_db, durable=False
        )
        nodes = [(ports.kafka, ports.kafka_controller)]
        self.kafka = Kafka("kafka", self.children, disks["kafka"], nodes)

    def close(self):
        super().close()
        for disk in self.disks.values():
            disk.close()


class ClockStack(Stack):
    """The clocks of users_db and of the projects' processes are in ``clocks`` by their names."""

    def __init__(self, folder, ports, **options):
        super().__init__(folder, ports, **options)
        clocks = self.folder / "clocks"
        clocks.mkdir()
        shifted = [self.users_db, *self.services]
        self.clocks = {part.name: Clock(clocks / part.name) for part in shifted}
        for part in self.services:
            environment, clock = part.environment, self.clocks[part.name]
            part.environment = lambda project, of=environment, clock=clock: (
                of(project) | clock.environment
            )
        variables = [f"{k}={v}" for k, v in self.clocks["users_db"].environment.items()]
        command = self.users_db.command
        self.users_db.command = lambda: ["env", *variables, *command()]
