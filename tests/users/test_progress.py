"""The line that tells how far long work has come; both projects have the same module."""

import io

import pytest

from config.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def now():
    return [0.0]


@pytest.fixture
def show(now):
    """Shows progress at a moment, in seconds."""

    def show(progress, moment, *args):
        now[0] = moment
        progress.show(*args)

    return show


def test_a_terminal_has_one_line_that_is_written_anew(now, show):
    terminal = Terminal()
    with Progress("users", terminal, lambda: now[0]) as progress:
        show(progress, 0.1, 5)
        show(progress, 1.0, 100, 900)
        show(progress, 2.0, 300, 700)
    lines = terminal.getvalue().split("\r\033[K")
    assert lines == ["", "100 users, 100/s, 900 left, 9 s", "300 users, 150/s, 700 left, 5 s\n"]


def test_elsewhere_there_is_a_line_every_ten_seconds(now, show):
    stream = io.StringIO()
    with Progress("users", stream, lambda: now[0]) as progress:
        for moment in range(25):
            show(progress, moment, moment * 10)
    assert stream.getvalue() == "100 users, 10/s\n200 users, 10/s\n"


def test_nothing_done_leaves_the_time_open(now, show):
    terminal = Terminal()
    with Progress("messages", terminal, lambda: now[0]) as progress:
        show(progress, 1, 0, 10)
    assert terminal.getvalue() == "\r\033[K0 messages, 0/s, 10 left\n"


def test_work_that_is_soon_done_shows_nothing(now, show):
    terminal = Terminal()
    with Progress("users", terminal, lambda: now[0]) as progress:
        show(progress, 0.1, 10)
    assert terminal.getvalue() == ""
