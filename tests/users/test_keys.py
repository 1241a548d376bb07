import base64
import hashlib
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from django.core.management import CommandError, call_command

from accounts import keys

PROJECT = Path(__file__).parents[2] / "users_project"


@pytest.fixture
def folder(tmp_path, settings):
    settings.USERS_SIGNING_KEYS_DIR = tmp_path / "keys"
    return tmp_path / "keys"


def kids():
    return {name: key.kid for name, key in keys.key_folder().keys().items()}


def test_the_first_rotation_makes_two_keys(folder):
    call_command("rotate_signing_key", stdout=io.StringIO())
    assert sorted(path.name for path in folder.iterdir()) == ["current.pem", "next.pem"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert folder.joinpath("current.pem").read_text().startswith("-----BEGIN PRIVATE KEY-----")


def test_each_rotation_moves_them_on(folder):
    keys.rotate(folder)
    first = kids()
    keys.rotate(folder)
    second = kids()
    assert second["previous"] == first["current"]
    assert second["current"] == first["next"]
    assert second["next"] not in first.values()
    keys.rotate(folder)
    assert kids()["previous"] == first["next"]


def rotate_by_command(*options):
    call_command("rotate_signing_key", *options, stdout=io.StringIO())


def test_a_rotation_waits_until_the_last_one_is_known(folder):
    rotate_by_command()
    first = kids()
    with pytest.raises(CommandError, match=r"Try again in 3\d\d s"):
        rotate_by_command()
    assert kids() == first
    made = folder.joinpath("next.pem").stat().st_mtime
    os.utime(folder / "next.pem", (made - 305, made - 305))
    with pytest.raises(CommandError, match=r"Try again in \d s"):
        rotate_by_command()
    os.utime(folder / "next.pem", (made - 311, made - 311))
    rotate_by_command()
    assert kids()["current"] == first["next"]
    rotate_by_command("--now")
    assert kids()["previous"] == first["next"]


def test_a_rotation_while_the_keys_are_read(folder, monkeypatch):
    """Whoever reads has all keys of before or all of after it."""
    keys.rotate(folder)
    read, rotations = Path.read_bytes, [keys.rotate, lambda _: None]

    def read_and_rotate(path):
        content = read(path)
        if path.name == "current.pem" and len(rotations) == 2:
            rotations.pop(0)(folder)
        return content

    monkeypatch.setattr(Path, "read_bytes", read_and_rotate)
    assert list(kids()) == ["current", "next", "previous"]
    assert len(set(kids().values())) == 3


def test_a_rotation_that_broke_off_is_made_good(folder):
    keys.rotate(folder)
    current = kids()["current"]
    (folder / "next.pem").unlink()
    (folder / "next.new").write_text("half a key")
    keys.rotate(folder)
    assert kids()["previous"] == current
    assert sorted(kids()) == ["current", "next", "previous"]


def test_the_published_keys(folder, anonymous):
    keys.rotate(folder)
    keys.rotate(folder)
    response = anonymous.get("/.well-known/jwks.json")
    assert response.status_code == 200
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "public, max-age=300"
    published = response.json()["keys"]
    assert [key["kid"] for key in published] == list(kids().values())
    for key in published:
        assert set(key) == {"kty", "crv", "x", "y", "use", "alg", "kid"}
        # RFC 7638, section 3
        members = {name: key[name] for name in ("crv", "kty", "x", "y")}
        text = json.dumps(members, separators=(",", ":"), sort_keys=True)
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
        assert key["kid"] == digest.rstrip(b"=").decode()
    printed = io.StringIO()
    call_command("print_jwks", stdout=printed)
    assert json.loads(printed.getvalue()) == response.json()


def test_files_are_read_only_when_they_change(folder, monkeypatch):
    keys.rotate(folder)
    first = keys.key_folder().current()
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read again"))
    assert keys.key_folder().current() is first


def pem_of(key):
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no key",
        pem_of(rsa.generate_private_key(65537, 2048)),
        pem_of(ec.generate_private_key(ec.SECP384R1())),
    ],
    ids=["empty", "text", "RSA", "P-384"],
)
@pytest.mark.parametrize("name", ["current", "next", "previous"])
def test_a_file_that_is_no_such_key(folder, content, name):
    keys.rotate(folder)
    (folder / f"{name}.pem").write_bytes(content)
    with pytest.raises(keys.SigningKeyError, match=f"{name}.pem is not an EC P-256 key"):
        keys.key_folder().keys()
    with pytest.raises(CommandError, match=rf"{name}.pem .* rotate_signing_key"):
        call_command("print_jwks")


def run(folder, *arguments):
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "USERS_SIGNING_KEYS_DIR": str(folder),
        "USERS_DATABASE_URL": "postgres://users@127.0.0.1:1/users_db",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_web_process_does_not_start_without_keys(folder):
    done = run(folder, "-c", "import config.wsgi")
    assert done.returncode == 1
    assert "accounts.E001" in done.stderr
    assert f"{folder}/current.pem is not there." in done.stderr
    assert "manage.py rotate_signing_key" in done.stderr
    assert "Traceback" not in done.stderr


def test_with_keys_it_does(folder):
    keys.rotate(folder)
    done = run(folder, "-c", "import config.wsgi")
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "")


@pytest.mark.parametrize(
    "command",
    [["check"], ["showmigrations", "--help"], ["collectstatic", "--dry-run", "--no-input"]],
)
def test_commands_run_without_keys(folder, command):
    assert run(folder, "manage.py", *command).returncode == 0
