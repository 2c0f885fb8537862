"""Class folders on disk, in zip and in tar archives: one data set in all three, and what is refused."""

import os
import tarfile
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankkit.errors import DataError
from rankkit.loaders.examples.files import read_labelled
from tests.loaders.image_files import noise, outcome_of, png, write_folder, write_tar, write_zip

FILES = {
    "set/Greek/alpha/1.png": noise(1),
    "set/Greek/alpha/2.PNG": noise(2),
    "set/Greek/beta/1.png": noise(3),
    "set/Latin/a/1.jpg": noise(4),  # the content decides, not the extension
}
NAMES = ("set.zip", "set.tar", "set.tar.gz", "set.tar.xz")


def write(path, files):
    """The same files as a folder, a zip or a tar archive, by the name."""
    if path.suffix == ".zip":
        return write_zip(path, files)
    return write_tar(path, files) if ".tar" in path.suffixes else write_folder(path, files)


def message_of(path, **options):
    with pytest.raises(DataError) as caught:
        read_labelled(path, **options)
    return str(caught.value)


@pytest.mark.parametrize("name", ["folder", *NAMES])
def test_folder_and_archives_give_the_same_examples(tmp_path, name):
    examples = read_labelled(write(tmp_path / name, FILES), size=8)
    assert examples.class_names == ("Greek/alpha", "Greek/beta", "Latin/a")
    assert examples.class_groups == ("Greek", "Greek", "Latin")
    assert examples.labels.tolist() == [0, 0, 1, 2]
    assert examples.ids.tolist() == ["Greek/alpha/1.png", "Greek/alpha/2.PNG", "Greek/beta/1.png", "Latin/a/1.jpg"]
    assert examples.input_shape == (1, 8, 8)
    assert examples.fingerprint == read_labelled(write(tmp_path / "other.zip", FILES), size=8).fingerprint


@pytest.mark.parametrize("name", ["folder", "set.zip", "set.tar"])
def test_other_files_and_hidden_ones_are_left_out(tmp_path, name):
    extras = {
        "README.md": b"x",
        "set/.cache/x.png": b"x",
        "__MACOSX/set/._1.png": b"x",
        "set/Greek/beta/notes.txt": b"x",
        "set/Greek/beta/._1.png": b"x",
    }
    examples = read_labelled(write(tmp_path / name, FILES | extras), size=8)
    assert examples.class_names == ("Greek/alpha", "Greek/beta", "Latin/a")


def test_members_may_begin_with_a_dot_slash(tmp_path):
    path = write_tar(tmp_path / "a.tar", {"./": b"", "./cat/1.png": png(), "./dog/1.png": png()})
    assert read_labelled(path).class_names == ("cat", "dog")


def test_one_class_keeps_its_name(tmp_path):
    assert read_labelled(write_folder(tmp_path / "a", {"set/cat/1.png": png()})).class_names == ("cat",)


@pytest.mark.parametrize("name", ["folder", "set.zip", "set.tar"])
@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"1.png": png(), "cat/1.png": png()},
            "expected images in class folders, as cat/1.png; got '1.png' at the top",
        ),
        ({"1.png": png()}, "got '1.png' at the top level"),
        ({"notes.txt": b""}, "expected class folders with images, as cat/1.png; got no image"),
        ({"cat/1.png": png(), "dog/": b""}, "expected images in every class folder; got none in 'dog'"),
        ({"cat/1.png": png(), "dog/a.txt": b"", "eel/": b""}, "got none in 'dog' and 1 more"),
        ({"cat/1.png": png(), "cat/big/1.png": png()}, "either images or folders; got both in 'cat'"),
        ({"cat/1.png": png(), "dog/1.png": png()[:40]}, "dog/1.png: expected a whole image"),
        ({"cat/1.png": png(), "dog/1.png": b""}, "dog/1.png: expected a whole image .* got an empty file"),
    ],
)
def test_what_is_not_in_class_folders_is_refused(tmp_path, name, files, message):
    path = tmp_path / name
    path.mkdir() if name == "folder" else None
    write(path, files)
    with pytest.raises(DataError, match=message):
        read_labelled(path)
    assert message_of(path).startswith(str(path))


def test_sizes_that_differ_are_refused_where_they_are_to_be_kept(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"cat/1.png": png(), "dog/1.png": png(size=(9, 9))})
    assert "dog/1.png: expected 4 x 3 pixels, as " in message_of(path, size=None)
    assert read_labelled(path, size=5).input_shape == (1, 5, 5)


@pytest.mark.parametrize("write_archive", [write_zip, write_tar])
@pytest.mark.parametrize("name", ["../cat/1.png", "cat/../../1.png", "/cat/1.png", "C:/cat/1.png", "cat\\1.png"])
def test_members_outside_are_refused(tmp_path, write_archive, name):
    path = tmp_path / ("a.zip" if write_archive is write_zip else "a.tar")
    write_archive(path, {"cat/1.png": png(), name: png()})
    assert "expected members inside the archive" in message_of(path)
    assert repr(name) in message_of(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        member = tarfile.TarInfo("cat/1.png")
        member.type, member.linkname = kind, "/etc/passwd"
        archive.addfile(member)
    assert message_of(path).startswith(f"{path}/cat/1.png: expected a plain file; got a link or a device")


def test_links_in_a_zip_are_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        member = zipfile.ZipInfo("cat/1.png")
        member.external_attr = 0o120777 << 16
        archive.writestr(member, "/etc/passwd")
    assert "expected a plain file; got a link" in message_of(path)


def test_links_in_a_folder_are_followed_unless_they_lead_up_or_nowhere(tmp_path):
    real = write_folder(tmp_path / "real", {"cat/1.png": png(), "dog/1.png": png()})
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "ape").symlink_to(real / "cat")
    (linked / "bat").symlink_to(real / "dog")
    assert read_labelled(linked).class_names == ("ape", "bat")
    (real / "cat" / "up").symlink_to(real)
    assert "got a link to a folder above" in message_of(real)
    (real / "cat" / "up").unlink()
    (real / "cat" / "lost.png").symlink_to(tmp_path / "nowhere.png")
    assert f"{real / 'cat' / 'lost.png'}: expected a file that can be read; got No such file" in message_of(real)


def test_a_pipe_is_not_waited_for(tmp_path):
    write_folder(tmp_path / "a", {"cat/1.png": png()})
    os.mkfifo(tmp_path / "a" / "cat" / "2.png")
    assert "2.png: expected a plain file" in message_of(tmp_path / "a")


def test_names_in_another_encoding_are_refused(tmp_path):
    folder = write_folder(tmp_path / "a", {"cat/1.png": png()})
    os.rename(os.fsencode(folder / "cat"), os.fsencode(folder) + b"/caf\xe9")  # noqa: PTH104 - bytes as they are
    assert r"names of files that are Unicode; got 'caf\udce9'" in message_of(folder)
    path = write_tar(tmp_path / "a.tar", {"caf\udce9/1.png": png()})
    assert r"names of members that are Unicode; got 'caf\udce9/1.png'" in message_of(path)


def test_names_in_any_script_are_kept(tmp_path):
    for name in ("a.zip", "a.tar", "a"):
        path = write(tmp_path / name, {"Ελληνικά/ά/1.png": png(), "日本/か/1.png": png()})
        assert read_labelled(path).class_names == ("Ελληνικά/ά", "日本/か")


def test_a_member_that_is_there_twice_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.png", png())
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("cat/1.png", png(255))
    assert "expected every member once; got 'cat/1.png' twice" in message_of(path)


def test_members_that_claim_to_be_huge_are_refused_before_they_are_read(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"cat/1.png": bytes(64 * 1024**2 + 1)})
    assert path.stat().st_size < 100_000
    assert "cat/1.png: expected an image file of at most 64 MiB; got 67,108,865 bytes" in message_of(path)
    member = tarfile.TarInfo("cat/1.png")
    member.size = 2**40
    (tmp_path / "a.tar").write_bytes(member.tobuf() + bytes(1024))
    assert "cat/1.png: expected an image file of at most 64 MiB" in message_of(tmp_path / "a.tar")
    member.name, member.type = "long", tarfile.GNUTYPE_LONGNAME
    (tmp_path / "b.tar").write_bytes(member.tobuf() + bytes(1024))
    assert "expected a whole tar archive" in message_of(tmp_path / "b.tar")


def test_an_encrypted_zip_says_so(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"cat/1.png": png()})
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "encrypted" in message_of(path)


@pytest.mark.parametrize("name", ["set.zip", "set.tar.gz", "set.tar"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.9, 0.97])
def test_an_archive_that_is_cut_short_is_refused(tmp_path, name, share):
    path = write(tmp_path / name, FILES)
    content = path.read_bytes()
    if name == "set.tar":
        content = content[
            : len(FILES) * 1024 + 512
        ]  # header and content of each, and the end mark; the rest is filling
    path.write_bytes(content[: int(share * len(content))])
    assert message_of(path).startswith(str(path))


def test_a_tar_cut_between_two_members_is_refused(tmp_path):
    """tarfile itself takes it for complete."""
    path = write_tar(tmp_path / "a.tar", {"cat/1.png": png(), "dog/1.png": png()})
    path.write_bytes(path.read_bytes()[:1024])
    assert "got damaged data (no end mark, or a damaged header)" in message_of(path)


def test_a_damaged_checksum_of_gzip_is_noticed(tmp_path):
    path = write_tar(tmp_path / "a.tar.gz", FILES)
    content = bytearray(path.read_bytes())
    content[-6] ^= 1
    path.write_bytes(content)
    assert "CRC check failed" in message_of(path)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_other_content_under_the_name_of_an_archive_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"label,x\n1,2\n" * 100)
    assert message_of(tmp_path / name).startswith(f"{tmp_path / name}: expected ")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data(), name=st.sampled_from(["set.zip", "set.tar", "set.tar.gz"]))
def test_damage_is_noticed_or_harmless(tmp_path, data, name):
    """Whatever byte changes: the examples, perhaps fewer or under other names, or an error that names the archive."""
    path = write(tmp_path / name, FILES)
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    outcome = outcome_of(lambda: read_labelled(path, size=8).input_shape)
    assert outcome == (1, 8, 8) or outcome.startswith(str(path))


def test_nothing_is_unpacked_to_disk(tmp_path, monkeypatch):
    path = write_zip(tmp_path / "a.zip", FILES)
    monkeypatch.chdir(tmp_path)
    read_labelled(path)
    assert [found.name for found in tmp_path.iterdir()] == ["a.zip"]


def test_the_form_reaches_the_images(tmp_path):
    path = write_folder(tmp_path / "a", {"cat/1.png": png(255), "dog/1.png": png(0)})
    dark = read_labelled(path, size=(2, 6), colour=True, ink="dark")
    assert dark.input_shape == (3, 2, 6)
    assert [float(image.mean()) for image in dark.inputs] == [0.0, 1.0]
