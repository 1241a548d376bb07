"""`make run` and its relatives, as they are typed."""

import os
import re
import signal
import socket

import psycopg
import pytest

from devstack.ports import Ports
from tests.devstack.checkout import free_port, refusal

STEPS = ["registered", "event in Kafka", "applied", "signed in", "first note", "note found"]
STEP = re.compile(r"^ *(\w[\w ]*?) +\d+ ms  \S", re.MULTILINE)
DEMO_USER = re.compile(r"registered .* ms  demo-\w+, id (\S+)")
STOPPED = re.compile(r"^ *[\d.]+ s  (\w+) +stopped, (.*)$", re.MULTILINE)
PARTS = ["users_db", "notes_db", "kafka", "users", "notes", "relay", "consumer", "gateway"]
SETTINGS = {"GATEWAY_URL", "USERS_DATABASE_URL", "NOTES_DATABASE_URL"}
SETTINGS |= {"KAFKA_BOOTSTRAP_SERVERS", "KAFKA_TOPIC"}


@pytest.mark.parametrize("target", ["env", "demo", "stop", "users-shell", "notes-shell"])
def test_nothing_is_running(stopped, target):
    ended = stopped.make(target)
    assert refusal(ended) == "No stack is running here. Start one: make run"
    assert ended.stdout == ""


@pytest.mark.parametrize("part", ["gateway", "notes", "kafka_controller"])
def test_a_port_in_use(stopped, part):
    gateway = free_port()
    port = getattr(Ports.behind(gateway), part)
    with socket.create_server(("127.0.0.1", port)):
        line = refusal(stopped.make("run", PORT=str(gateway)))
    assert line.startswith(f"Port {port} for {part.partition('_')[0]} cannot be used ")


@pytest.mark.parametrize("port", ["0", "61001", "http"])
def test_a_port_that_is_none(stopped, port):
    line = refusal(stopped.make("run", PORT=port))
    assert line == "PORT must be a number from 1 to 61000, for example PORT=4000."


def test_run_walks_a_demo_user_through_and_shows_the_addresses(running):
    walk, addresses = running.output.split("\n  front page ")
    assert STEP.findall(walk) == STEPS
    assert addresses.split()[0] == f"http://localhost:{running.port}/"


def test_env(running):
    settings = running.settings()
    assert settings.keys() >= SETTINGS
    assert settings["GATEWAY_URL"] == f"http://localhost:{running.port}"
    for name in ("USERS_DATABASE_URL", "NOTES_DATABASE_URL"):
        psycopg.connect(settings[name]).close()


def test_demo_walks_again(running):
    demo = running.make("demo")
    assert (demo.returncode, STEP.findall(demo.stdout)) == (0, STEPS)
    assert DEMO_USER.findall(demo.stdout) != DEMO_USER.findall(running.output)


def test_a_second_run_is_refused(running):
    line = refusal(running.make("run", PORT=str(free_port())))
    where = f"(pid {running.supervisor()}, http://localhost:{running.port})"
    assert line == f"A stack is running here already {where}. Stop it with: make stop"
    assert running.running


def test_clean_is_refused_while_it_runs(running):
    line = refusal(running.make("clean"))
    assert line.endswith(f"(pid {running.supervisor()}). Stop it first: make stop")
    assert running.make("demo").returncode == 0


def test_ctrl_c_stops_everything_in_order_and_keeps_the_data(running, all_end):
    (user,) = DEMO_USER.findall(running.output)
    running.interrupt()
    assert STOPPED.findall(running.output) == [(part, "exit code 0") for part in reversed(PARTS)]
    assert "Traceback" not in running.output
    all_end()
    running.start()
    with psycopg.connect(running.settings()["USERS_DATABASE_URL"]) as connection:
        assert connection.execute("SELECT 1 FROM users WHERE id = %s", [user]).fetchone()


def test_a_killed_stack_leaves_nothing_behind_and_starts_again(running, all_end):
    os.kill(running.supervisor(), signal.SIGKILL)
    assert running.process.wait(60) != 0
    all_end()
    running.start()


def test_stop_from_another_terminal(running, all_end):
    stop = running.make("stop")
    assert stop.returncode == 0, stop.stderr
    assert stop.stdout == f"Stopped the stack at http://localhost:{running.port}.\n"
    assert running.process.wait(60) == 0
    all_end()


def test_clean_removes_the_data(stopped):
    assert stopped.make("clean").returncode == 0
    assert not (stopped.folder / ".local").exists()
