"""`make run` and its relatives, as they are typed."""

import os
import re
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from devstack.ports import Ports
from devstack.processes import wait_until
from tests.devstack.checkout import free_port, process_tree, refusal

STEPS = ["registered", "event in Kafka", "applied", "signed in", "first note", "note found"]
STEP = re.compile(r"^ *(\w[\w ]*?) +\d+ ms  \S", re.MULTILINE)
DEMO_USER = re.compile(r"registered .* ms  demo-\w+, id (\S+)")
STOPPED = re.compile(r"^ *[\d.]+ s  (\w+) +stopped, (.*)$", re.MULTILINE)
STAYS = re.compile(r"relay ended with exit code 0 and stays stopped. To run it again: (.*)\n")
PARTS = ["users_db", "notes_db", "kafka", "users", "notes", "relay", "consumer", "comparison"]
PARTS += ["gateway"]
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


@pytest.fixture
def disturbed(running):
    """The running clone, for a test after which no other one can use its stack."""
    yield running
    running.interrupt()


def pid_of(word, checkout):
    """The process of the stack whose command has the word; None while there is none."""
    for pid, _ in process_tree(checkout.process.pid):
        with suppress(FileNotFoundError):  # it has ended since
            if word in Path(f"/proc/{pid}/cmdline").read_text():
                return pid
    return None


def test_a_part_that_is_asked_to_stop_stays_stopped(disturbed):
    os.kill(pid_of("relay_outbox", disturbed), signal.SIGTERM)
    assert wait_until(lambda: STAYS.search(disturbed.output), 60)
    # A crash meanwhile is mended, and the part that was stopped is left alone.
    consumer = pid_of("consume_user_events", disturbed)
    os.kill(consumer, signal.SIGKILL)
    assert wait_until(lambda: pid_of("consume_user_events", disturbed) not in {None, consumer}, 60)
    assert "consumer ended with signal SIGKILL; it starts again in 1 s" in disturbed.output
    assert pid_of("relay_outbox", disturbed) is None

    with subprocess.Popen(
        ["bash", "-c", STAYS.search(disturbed.output)[1].replace("; ../", "; exec ../")],
        cwd=disturbed.folder,
        stdout=subprocess.PIPE,
        text=True,
    ) as by_hand:
        try:
            assert any("relay_active" in line for line in by_hand.stdout)
        finally:
            by_hand.terminate()
    assert by_hand.returncode == 0


def heeds(number, pid):
    """Whether the process has a handler for the signal; proc(5), ``SigCgt``."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^SigCgt:\t(.*)$", status, re.MULTILINE)[1], 16) >> (number - 1) & 1


def test_ctrl_c_stops_everything_in_order_and_keeps_the_data(running, all_end):
    (user,) = DEMO_USER.findall(running.output)
    # Nothing needs the comparison, so the stack is ready before it has begun.
    assert wait_until(lambda: heeds(signal.SIGTERM, pid_of("compare_users", running)), 60)
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
