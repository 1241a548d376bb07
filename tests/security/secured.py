"""A broker that asks who its clients are, as docs/security.md has it."""

import argparse
import re
import shlex
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devstack.kafka import Kafka
from devstack.part import Part, accepts
from tests.docs import documents

_TEXT = documents.section((documents.ROOT / "docs" / "security.md").read_text(), "Kafka")
(_PROPERTIES,) = documents.blocks(_TEXT, "properties")
(_COMMANDS,) = documents.blocks(_TEXT, "sh")
(_SCRAM,) = re.findall(r"--add-scram '([^']+)'", _TEXT)


class SecuredKafka(Kafka):
    """Args: passwords: of `broker`, `users` and `notes`. topic: in place of `user-events`."""

    def __init__(self, *arguments, passwords, topic):
        super().__init__(*arguments)
        self.passwords = passwords
        self.topic = topic
        self.ca_file = self.folder / "ca.pem"

    def client(self, name):
        """librdkafka's properties of somebody."""
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.ca_file),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": name,
            "sasl.password": self.passwords[name],
        }

    def environment(self, name):
        """The variables of a service that is somebody to Kafka."""
        file = self.folder / f"{name}-password"
        file.write_text(self.passwords[name])
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers,
            "KAFKA_TOPIC": self.topic,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_CA_FILE": str(self.ca_file),
            "KAFKA_USERNAME": name,
            "KAFKA_PASSWORD_FILE": str(file),
        }

    def settings(self):
        text = _PROPERTIES.replace("PASSWORD", self.passwords["broker"])
        text = text.replace("/etc/kafka", str(self.folder))
        return super().settings() | dict(line.split("=", 1) for line in text.splitlines())

    def ready(self):
        return Part.ready(self) and all(accepts(port) for port in self.ports)

    def let_in(self):
        """Makes the names of both services, and their rules, by the documented commands."""
        admin = AdminClient(self.client("broker"))
        asked = {}
        for line in _COMMANDS.splitlines():
            program, *words = shlex.split(line.replace("user-events", self.topic))
            given = _ARGUMENTS.parse_args(words)
            if program == "kafka-acls.sh":
                asked |= admin.create_acls(list(_rules(given)))
            else:
                name = given.entity_name
                assert given.add_config == "SCRAM-SHA-512=[password=PASSWORD]"
                credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
                password = self.passwords[name].encode()
                upsert = UserScramCredentialUpsertion(name, credential, password)
                asked |= admin.alter_user_scram_credentials([upsert])
        for answer in asked.values():
            answer.result(30)

    def _format(self):
        _make_certificate(self.folder)
        format_, self._children = self._children, _WithScram(self._children, self.passwords)
        try:
            super()._format()
        finally:
            self._children = format_


class _WithScram:
    """Runs the storage tool with one more argument."""

    def __init__(self, children, passwords):
        self._children = children
        self._scram = _SCRAM.replace("PASSWORD", passwords["broker"])

    def run(self, name, command):
        self._children.run(name, [*command, "--add-scram", self._scram])


_ARGUMENTS = argparse.ArgumentParser()
for _flag in ("--bootstrap-server", "--command-config", "--entity-type", "--entity-name"):
    _ARGUMENTS.add_argument(_flag)
for _flag in ("--add-config", "--allow-principal", "--topic", "--group"):
    _ARGUMENTS.add_argument(_flag)
_ARGUMENTS.add_argument("--operation", action="append")
for _flag in ("--alter", "--add"):
    _ARGUMENTS.add_argument(_flag, action="store_true")


def _rules(given):
    kind = ResourceType.TOPIC if given.topic else ResourceType.GROUP
    for operation in given.operation:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", operation).upper()
        yield AclBinding(
            *(kind, given.topic or given.group, ResourcePatternType.LITERAL),
            *(given.allow_principal, "*", AclOperation[name], AclPermissionType.ALLOW),
        )


def _make_certificate(folder):
    """`broker.pem`, key and certificate of 127.0.0.1, and `ca.pem`, who signed it: itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, bare = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, bare)
    public = certificate.public_bytes(pem)
    (folder / "broker.pem").write_bytes(private + public)
    (folder / "ca.pem").write_bytes(public)
