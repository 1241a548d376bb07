"""Zip and tar files: those that programs write, and those that want to do harm."""

import io
import tarfile
import tracemalloc
import zipfile
from contextlib import suppress
from warnings import catch_warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.notes.transfer.moving import zip_of
from transfer.archive import Archive
from transfer.errors import Broken, CannotImport, TooLarge, Unreadable

MEGABYTE = 1024 * 1024


def opened(*files, limit=100 * MEGABYTE):
    return Archive([(f"{n}.zip", io.BytesIO(file)) for n, file in enumerate(files)], limit)


def texts(*files):
    with opened(*files) as found:
        return {member.path: found.text(member) for member in found}


def tar_of(*members, form=tarfile.PAX_FORMAT):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as packed:
        for member, content in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(content)
            packed.addfile(info, io.BytesIO(content))
    return file.getvalue()


def of_kind(kind):
    info = tarfile.TarInfo("a")
    info.type = kind
    return info


class TestZips:
    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_what_zipfile_writes(self, method):
        members = {"b.md": "x\r\n" * 100_000, "a/é.md": "é", "empty": "", "a/./c": "1"}
        assert texts(zip_of(members.items(), method)) == members

    def test_sizes_that_follow_the_data(self):
        """As who writes to a pipe does it."""

        class Pipe(io.RawIOBase):
            def __init__(self):
                self.data = bytearray()

            def writable(self):
                return True

            def write(self, data):
                self.data += data
                return len(data)

        pipe = Pipe()
        with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("a", "x" * 1000)
            with packed.open("b", "w", force_zip64=True) as member:
                member.write(b"y" * 1000)
        assert texts(bytes(pipe.data)) == {"a": "x" * 1000, "b": "y" * 1000}

    def test_a_comment_at_the_end(self):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("a", "b")
            packed.comment = b"PK\5\6" + b"x" * 1000
        assert texts(file.getvalue()) == {"a": "b"}

    def test_names_of_macos_and_windows(self):
        names = ["__MACOSX/._a.md", "x/.DS_Store", "._b", "Thumbs.db", "w\\in.md", "./dot.md"]
        found = texts(zip_of((name, "x") for name in [*names, "e\u0301.md", "folder/"]))
        assert set(found) == {"w/in.md", "dot.md", "é.md"}

    def test_utf8_that_is_not_said_to_be_it(self):
        data = zip_of([("é.md", "x")])
        unsaid = data.replace(b"PK\3\4\x14\0\0\x08", b"PK\3\4\x14\0\0\0").replace(
            b"PK\1\2\x14\x03\x14\0\0\x08", b"PK\1\2\x14\x03\x14\0\0\0"
        )
        assert unsaid != data
        assert texts(unsaid) == {"é.md": "x"}
        with pytest.raises(Broken, match=r"\\x82.md is no UTF-8"):
            texts(unsaid.replace("é.md".encode(), b"x\x82.md"[-5:]))

    def test_several_make_one(self):
        assert texts(zip_of([("a", "1")]), zip_of([("b", "2")])) == {"a": "1", "b": "2"}
        with opened(zip_of([("a", "1")]), zip_of([("a", "2")])) as found:
            assert [found.text(member) for member in found] == ["1", "2"]
            assert found.text(found.find("a")) == "1"

    def test_zips_in_a_zip_stand_for_it(self):
        inner = [(f"Part-{n}.zip", zip_of([(f"{n}.md", "x"), ("z.zip", "no zip")])) for n in "12"]
        with opened(zip_of(inner)) as found:
            assert found.parts == ["0.zip", "Part-1.zip", "Part-2.zip"]
            places = [(found.parts[member.part], member.path) for member in found]
        assert ("Part-2.zip", "2.md") in places
        assert ("Part-2.zip", "z.zip") in places
        assert len(places) == 4

    def test_finding(self):
        with opened(zip_of((name, "x") for name in ["b/2", "a/1", "b/1", "bc", "1"])) as found:
            assert [member.path for member in found.named("1")] == ["1", "a/1", "b/1"]
            assert found.find("b") is None


class TestOnePathTwice:
    """The last one is taken: it is what anybody finds who unpacks the archive."""

    @pytest.mark.parametrize("again", ["a", "./a"])
    def test_in_a_zip(self, again):
        with catch_warnings(action="ignore", category=UserWarning):
            data = zip_of([("a", "1"), ("b", "2"), (again, "33")])
        self.require_last(data)

    def test_in_a_tar(self):
        self.require_last(tar_of(("a", b"1"), ("b", b"2"), ("a", b"33")))

    def require_last(self, data):
        with opened(zip_of([("a", "0")]), data) as found:
            assert [found.text(member) for member in found] == ["0", "33", "2"]
            assert [(member.path, member.part) for member in found.replaced()] == [("a", 1)]

    def test_all_of_them_count_as_what_is_unpacked(self):
        with pytest.raises(TooLarge):
            opened(tar_of(("a", b"x" * 600), ("a", b"x" * 600)), limit=1000)

    def test_in_a_zip_of_zips_it_is_no_harm(self):
        inner = tar_of(("a", b"1"), ("a", b"2"))
        with opened(zip_of([("1.zip", inner), ("2.zip", inner)])) as found:
            assert [found.text(member) for member in found] == ["2", "2"]
            assert len(list(found.replaced())) == 2


class TestTars:
    @pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
    def test_what_tarfile_writes(self, form):
        members = {"a.md": "x\r\n" * 1000, "x" * 80 + "/" + "é" * 45: "é", "empty": ""}
        if form != tarfile.USTAR_FORMAT:
            members["y/" * 150 + "z"] = "long"
        packed = [(name, content.encode()) for name, content in members.items()]
        assert texts(tar_of(*packed, (of_kind(tarfile.DIRTYPE), b""), form=form)) == members

    def test_names_that_are_no_utf8(self):
        data = bytearray(tar_of(("abc", b""), form=tarfile.USTAR_FORMAT))
        data[0] = 0xFF
        data[148:156] = b" " * 8
        data[148:156] = f"{sum(data[:512]):06o}\0 ".encode()
        with pytest.raises(Broken, match=r"\\xffbc is no UTF-8"):
            opened(bytes(data))


WHOLE = [
    zip_of([("notes/a.md", "x" * 300), ("b", "é")]),
    zip_of([("a.zip", zip_of([("b", "c")]))]),
    tar_of(("x" * 120, b"a" * 600), ("b", b"")),
]


@given(
    st.sampled_from(WHOLE), st.lists(st.tuples(st.integers(0), st.binary(min_size=1, max_size=8)))
)
@settings(max_examples=1500, deadline=None)
def test_whatever_is_damaged_nothing_else_is_raised(whole, changes):
    data = bytearray(whole)
    for place, new in changes:
        start = place % len(data)
        data[start : start + len(new)] = new
    try:
        with opened(bytes(data), limit=MEGABYTE) as found:
            for member in found:
                assert member.size <= MEGABYTE
                with suppress(Unreadable):
                    assert len(found.text(member).encode()) <= member.size
    except CannotImport:
        return


class TestText:
    def test_it_is_to_the_letter(self):
        assert texts(zip_of([("a", b"\xef\xbb\xbfa\r\n\r\0 \xe2\x80\xa8")])) == {
            "a": "a\r\n\r\0 \u2028"
        }

    def test_other_encodings_are_said(self):
        with opened(zip_of([("a", "é".encode("latin-1")), ("b", "x".encode("utf-16"))])) as found:
            for member in found:
                with pytest.raises(Unreadable, match="no UTF-8: byte 0"):
                    found.text(member)


def test_memory_does_not_grow_with_the_members():
    peaks = []
    for count in (2_000, 20_000):
        file = io.BytesIO(zip_of((f"notes/{n:07} some title.md", "x") for n in range(count)))
        tracemalloc.start()
        with Archive([("a.zip", file)], MEGABYTE) as found:
            assert sum(1 for member in found if found.text(member)) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0], peaks
