"""Downloads behind a server whose certificate is not trusted, as a company's proxy has."""

import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import HTTPServer, SimpleHTTPRequestHandler
from ipaddress import IPv4Address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from devstack import bootstrap, jars
from devstack.errors import DevstackError


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate of 127.0.0.1, and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, bare = serialization.Encoding.PEM, serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, bare)
    file = tmp_path_factory.mktemp("tls") / "certificate.pem"
    file.write_bytes(certificate.public_bytes(pem) + private)
    return file


@pytest.fixture(scope="module")
def server(certificate, tmp_path_factory):
    """The URL of a server that has no file at all."""
    folder = tmp_path_factory.mktemp("empty")

    def handler(*arguments):
        return SimpleHTTPRequestHandler(*arguments, directory=folder)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def newcomer(monkeypatch, tmp_path, server):
    """A home and a cache with nothing in them but the server as mirror of both sources."""
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config" / "jgo.conf").write_text(f"[repositories]\ncentral = {server}\n")
    for name in ("PIP_CERT", "PIP_FIND_LINKS", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "HOME": tmp_path,
        "XDG_CACHE_HOME": tmp_path,
        "NO_PROXY": "127.0.0.1",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_INDEX_URL": server,
        "PIP_RETRIES": "0",
    }.items():
        monkeypatch.setenv(name, str(value))


def jars_error():
    with pytest.raises(DevstackError) as refused:
        jars.fetch()
    return str(refused.value)


def packages_error(folder):
    requirements = folder / "requirements.txt"
    requirements.write_text(f"not-there-at-all==1 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(SystemExit) as refused:
        bootstrap.install(requirements)
    return refused.value.code


def test_what_to_set_is_said_and_helps(certificate, monkeypatch, tmp_path):
    for error in (jars_error(), packages_error(tmp_path)):
        assert error.endswith(bootstrap.UNTRUSTED)
        assert "Set REQUESTS_CA_BUNDLE to " in error
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    for error in (jars_error(), packages_error(tmp_path)):
        assert "REQUESTS_CA_BUNDLE" not in error
        assert "Check the network" in error


def test_a_file_of_certificates_that_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    for error in (jars_error(), packages_error(tmp_path)):
        assert "Set REQUESTS_CA_BUNDLE to " in error
