"""Zip files as an export makes them, which others read."""

import io
import stat
import tempfile
import zipfile
from contextlib import closing, contextmanager
from datetime import UTC, datetime

from tests.notes.transfer.test_archive import MEGABYTE, opened, texts
from transfer.archive import Archive
from transfer.zip_writer import ZipWriter


class TestWriter:
    TIME = datetime(2026, 11, 22, 9, 15, 3, tzinfo=UTC)

    def written(self, members, before=0):
        with closing(ZipWriter()) as writer:
            # Where the bytes before went does not matter: offsets alone tell.
            writer._position = before
            data = b"".join(writer.add(name, content, self.TIME) for name, content in members)
            return data + b"".join(writer.end())

    def test_others_read_it(self):
        members = [("a/é 👩‍👩‍👧.md", b"x" * 1000), ("b", b""), ("\u202e", b"y")]
        data = self.written(members)
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            assert packed.testzip() is None
            assert [(name, packed.read(name)) for name in packed.namelist()] == members
            (first, *_) = packed.infolist()
            assert first.date_time == (2026, 11, 22, 9, 15, 2)
            assert stat.S_IMODE(first.external_attr >> 16) == 0o644
        assert texts(data) == {name: content.decode() for name, content in members}

    def test_more_members_than_two_bytes_count(self):
        data = self.written([(f"{n}", b"") for n in range(70_000)])
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            assert len(packed.namelist()) == 70_000
        with opened(data) as found:
            assert sum(1 for _ in found) == 70_000

    def test_beyond_four_gigabytes(self):
        """In a sparse file: the hole takes no room."""
        hole = 5 * 1024**3
        with tempfile_of(hole, self.written([("a", b"x"), ("b", b"y")], before=hole)) as file:
            with zipfile.ZipFile(file) as packed:
                assert packed.read("b") == b"y"
            with Archive([("large.zip", file)], MEGABYTE) as found:
                assert found.text(found.find("b")) == "y"

    def test_years_that_a_zip_does_not_know(self):
        with closing(ZipWriter()) as writer:
            times = (datetime(year, 2, 3, tzinfo=UTC) for year in (1, 1979, 2108, 9999))
            data = b"".join(writer.add(f"{time.year}", b"", time) for time in times)
            data += b"".join(writer.end())
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            assert {info.date_time for info in packed.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@contextmanager
def tempfile_of(hole, data):
    with tempfile.TemporaryFile() as file:
        file.write(b"PK\3\4")
        file.seek(hole)
        file.write(data)
        yield file
