"""Zip and tar files that want to do harm, or are broken."""

import stat
import struct
import tarfile
import tempfile
import zipfile

import pytest

from tests.notes.transfer.moving import zip_of
from tests.notes.transfer.test_archive import MEGABYTE, of_kind, opened, tar_of, texts
from transfer import archive
from transfer.errors import Broken, CannotImport, TooLarge, UnknownFormat, Unreadable


class TestRefused:
    @pytest.mark.parametrize(
        "name", ["/etc/a", "../a", "a/../../b", "C:\\a", "c:/a", "..\\a", "a/..", "\\\\host\\a"]
    )
    def test_paths_that_lead_out(self, name):
        for file in (zip_of([(name, "x")]), tar_of((name, b"x"))):
            with pytest.raises(Broken, match="leads out"):
                opened(file)

    def test_control_characters_in_names(self):
        with pytest.raises(Broken, match="no name"):
            opened(zip_of([("a\x1b[2J", "x")]))

    @pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])
    def test_links_and_devices_in_a_zip(self, kind):
        info = zipfile.ZipInfo("a")
        info.create_system, info.external_attr = 3, (kind | 0o777) << 16
        with pytest.raises(Broken, match="link or a device"):
            opened(zip_of([(info, "/etc/passwd")]))

    @pytest.mark.parametrize(
        "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"S", b"Z"]
    )
    def test_links_and_devices_in_a_tar(self, kind):
        with pytest.raises(Broken, match="link or a device"):
            opened(tar_of((of_kind(kind), b"")))

    def test_encrypted(self):
        data = zip_of([("a", "x")])
        place = data.index(b"PK\1\2") + 8
        with pytest.raises(Broken, match="encrypted: a"):
            opened(data[:place] + b"\1" + data[place + 1 :])

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_other_compressions(self, method):
        with pytest.raises(Broken, match="Deflate"):
            opened(zip_of([("a", "x")], method))

    def test_a_part_that_is_there_twice(self):
        parts = [(f"Part-{n}.zip", zip_of([(f"{n}.md", "x")])) for n in "12"]
        with pytest.warns(UserWarning, match="Duplicate"):
            data = zip_of([*parts, parts[0]])
        with pytest.raises(Broken, match=r"Part-1\.zip is there twice in 1\.zip"):
            opened(zip_of([("a", "x")]), data)

    @pytest.mark.parametrize("nested", [False, True])
    @pytest.mark.parametrize("damage", ["end", "start", "empty", "junk", "directory", "name"])
    def test_a_damaged_part_is_named(self, damage, nested):
        part = zip_of([("2.md", "x" * 100)])
        place = part.index(b"PK\1\2")
        damaged = {
            "end": part[:-10],
            "start": part[10:],
            "empty": b"",
            "junk": b"x" * 1000,
            "directory": part[:place] + b"x" + part[place + 1 :],
            "name": part.replace(b"2.md", b"2\xffmd"),
        }[damage]
        files = [zip_of([(f"{n}.md", "x")]) for n in "13"]
        files.insert(1, damaged)
        if nested:
            files = [zip_of((f"{n}.zip", file) for n, file in enumerate(files))]
        with pytest.raises(Broken, match=r"1\.zip"):
            opened(*files)

    def test_part_of_a_split_zip(self):
        data = zip_of([("a", "x")])
        place = data.index(b"PK\5\6") + 4
        with pytest.raises(Broken, match="others are missing"):
            opened(data[:place] + b"\1" + data[place + 1 :])

    def test_cut_off_anywhere(self):
        for whole, start in (
            (zip_of([("a", "x" * 100), ("b", "y")]), 4),
            (tar_of(("a", b"x" * 700), ("b", b"y")), 512),
        ):
            for length in range(start, len(whole.rstrip(b"\0"))):
                with pytest.raises(CannotImport):
                    texts(whole[:length])

    def test_unpacked_it_is_too_large(self):
        data = zip_of([("a", b"\0" * 5 * MEGABYTE), ("b", b"\0" * 5 * MEGABYTE)])
        assert len(data) < 20_000
        with pytest.raises(TooLarge):
            opened(data, limit=9 * MEGABYTE)
        nested = zip_of([("1.zip", data), ("2.zip", data)])
        with pytest.raises(TooLarge):
            opened(nested, limit=15 * MEGABYTE)

    def test_it_has_too_many_members(self, monkeypatch):
        monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
        with pytest.raises(TooLarge):
            opened(zip_of((f"{n}", "") for n in range(4)))

    def test_it_has_too_many_packed_files(self, monkeypatch):
        """Each is an open file, of which a process has some thousands."""
        monkeypatch.setattr(archive, "MAX_PARTS", 3)
        parts = [(f"{n}.zip", zip_of([(f"{n}.md", "x")])) for n in range(3)]
        assert texts(zip_of(parts[:2])).keys() == {"0.md", "1.md"}
        for files in ([zip_of(parts)], [data for _, data in (*parts, parts[0])]):
            with pytest.raises(TooLarge, match="3 packed files"):
                opened(*files)

    @pytest.mark.parametrize("place", [10_000, 2**62, 2**63 - 1, 2**64 - 1])
    @pytest.mark.parametrize("kind", ["directory", "member", "folder of a tar"])
    def test_places_where_there_is_nothing(self, kind, place):
        """Beyond what a file system or a C integer has, too."""
        if kind == "folder of a tar":
            header = bytearray(tar_of((of_kind(tarfile.DIRTYPE), b"")))
            header[124:136] = b"\x80" + place.to_bytes(11, "big")
            header[148:156] = b" " * 8
            header[148:156] = b"%06o\0 " % sum(header[:512])
            data = bytes(header)
        else:
            data = zip_of([("a", "x")])
            start, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
            extra = struct.pack("<2HQ", 1, 8, place)
            if kind == "directory":
                locator = struct.pack("<4sLQL", b"PK\6\7", 0, place, 1)
                data = data[:end] + locator + data[end:]
            else:
                entry = bytearray(data[start:end] + extra)
                entry[30:32] = len(extra).to_bytes(2, "little")
                entry[42:46] = b"\xff" * 4
                tail = bytearray(data[end:])
                tail[12:16] = len(entry).to_bytes(4, "little")
                data = data[:start] + bytes(entry + tail)
        with tempfile.TemporaryFile() as file:
            file.write(data)
            with pytest.raises(Broken, match="cut off"):
                archive.Archive([("a", file)], MEGABYTE)

    def test_members_that_lie_over_each_other(self):
        """A bomb that needs no large numbers: many names for one piece of data."""
        data = zip_of([("a", b"x" * 1000), ("b", b"")], zipfile.ZIP_STORED)
        start = data.index(b"PK\1\2")
        end = data.index(b"PK\5\6")
        entry = data[start : start + 47]
        entries = b"".join(entry[:46] + bytes([65 + n]) for n in range(20))
        tail = bytearray(data[end:])
        tail[8:12] = (20).to_bytes(2, "little") * 2
        tail[12:16] = len(entries).to_bytes(4, "little")
        with pytest.raises(Broken):
            opened(data[:start] + entries + bytes(tail))

    def test_more_than_the_directory_says(self):
        """The cap is on what is said; what is read is never more."""
        data = bytearray(zip_of([("a", b"x" * 100_000)]))
        place = data.index(b"PK\1\2")
        data[place + 24 : place + 28] = (10).to_bytes(4, "little")
        with opened(bytes(data)) as found:
            (member,) = found
            with pytest.raises(Unreadable, match="damaged"):
                found.text(member)
            assert sum(map(len, _until_error(found.chunks(member)))) <= 10

    def test_damage_in_one_member(self):
        data = bytearray(zip_of([("a", "x" * 100), ("b", "y")], zipfile.ZIP_STORED))
        data[data.index(b"x" * 100)] ^= 1
        with opened(bytes(data)) as found:
            with pytest.raises(Unreadable, match="damaged"):
                found.text(found.find("a"))
            assert found.text(found.find("b")) == "y"

    def test_a_header_of_a_tar_that_fills_the_memory(self):
        data = bytearray(tar_of(("x" * 300, b"a")))
        data[124:136] = b"77777777777\0"
        data[148:156] = b" " * 8
        data[148:156] = f"{sum(data[:512]):06o}\0 ".encode()
        with pytest.raises(Broken, match="too long"):
            opened(bytes(data))

    def test_what_is_neither(self):
        for data in (b"", b"PK", b"\x1f\x8b", b"x" * 1000):
            with pytest.raises(UnknownFormat):
                opened(data)


def _until_error(chunks):
    try:
        yield from chunks
    except Unreadable:
        return
