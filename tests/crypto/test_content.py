"""Content: only the whole of it, unaltered and in order, comes out; files appear whole or not."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.content import (
    BLOCK_BYTES,
    CHUNK_BYTES,
    HEADER_BYTES,
    TAG_BYTES,
    ContentAltered,
    ContentDiffers,
    Decryptor,
    Encryptor,
    ciphertext_size_of,
    decrypt_file,
    encrypt_file,
    generate_content_key,
    hash_file,
    remove_partial_files,
)

KEY = bytes(range(16))
CONTEXT = b"sale 7"
SEALED_CHUNK = CHUNK_BYTES + TAG_BYTES
SIZES = [
    0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES - 1, 2 * CHUNK_BYTES,
    3 * CHUNK_BYTES + 5, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1,
]  # fmt: skip


def some_bytes(size: int) -> bytes:
    return hashlib.shake_128(size.to_bytes(8, "big")).digest(size)


def encrypted(content: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    encryptor = Encryptor(key, context)
    return encryptor.update(content) + encryptor.finish()


def decrypted(ciphertext: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> bytes:
    decryptor = Decryptor(key, context)
    return decryptor.update(ciphertext) + decryptor.finish()


def chunks_of(ciphertext: bytes) -> tuple[bytes, list[bytes]]:
    """Header and sealed chunks."""
    places = range(HEADER_BYTES, len(ciphertext), SEALED_CHUNK)
    return ciphertext[:HEADER_BYTES], [ciphertext[at : at + SEALED_CHUNK] for at in places]


@pytest.mark.parametrize("size", SIZES)
def test_every_size_comes_back_with_the_size_foretold(size: int) -> None:
    content = some_bytes(size)
    ciphertext = encrypted(content)
    assert len(ciphertext) == ciphertext_size_of(size)
    assert decrypted(ciphertext) == content


@given(
    st.binary(max_size=200),
    st.lists(st.integers(0, 3 * CHUNK_BYTES), max_size=5),
    st.lists(st.integers(0, 3 * CHUNK_BYTES), max_size=5),
)
def test_how_the_stream_is_cut_into_pieces_makes_no_difference(
    content: bytes, cuts: list[int], other_cuts: list[int]
) -> None:
    content = content * 150
    encryptor, decryptor = Encryptor(KEY, CONTEXT), Decryptor(KEY, CONTEXT)
    ciphertext = b"".join(map(encryptor.update, cut_at(content, cuts))) + encryptor.finish()
    assert (
        b"".join(map(decryptor.update, cut_at(ciphertext, other_cuts))) + decryptor.finish()
        == content
    )
    assert encryptor.digests == decryptor.digests
    assert encryptor.digests.plaintext_digest == hashlib.sha256(content).digest()
    assert encryptor.digests.ciphertext_digest == hashlib.sha256(ciphertext).digest()
    assert (encryptor.digests.plaintext_size, encryptor.digests.ciphertext_size) == (
        len(content),
        len(ciphertext),
    )


def cut_at(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in pairwise(places):
        yield data[start:end]


def test_the_same_content_is_never_encrypted_alike() -> None:
    assert len({encrypted(b"content") for _ in range(4)}) == 4
    assert len({generate_content_key() for _ in range(4)}) == 4


# what must not decrypt


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, 2 * CHUNK_BYTES + 5])
def test_an_end_cut_off_at_a_chunks_edge_or_beside_it_is_found(size: int) -> None:
    ciphertext = encrypted(some_bytes(size))
    edges = [0, HEADER_BYTES, *range(HEADER_BYTES, len(ciphertext), SEALED_CHUNK), len(ciphertext)]
    for edge in edges:
        for length in (edge - TAG_BYTES, edge - 1, edge, edge + 1, edge + TAG_BYTES):
            if 0 <= length < len(ciphertext):
                assert_refused(ciphertext[:length])


def assert_refused(ciphertext: bytes, key: bytes = KEY, context: bytes = CONTEXT) -> None:
    with pytest.raises(ContentAltered):
        decrypted(ciphertext, key, context)


def test_chunks_left_out_repeated_exchanged_or_added_are_found() -> None:
    header, chunks = chunks_of(encrypted(some_bytes(3 * CHUNK_BYTES + 100)))
    assert decrypted(b"".join([header, *chunks])) == some_bytes(3 * CHUNK_BYTES + 100)
    a, b, c, last = chunks
    for wrong in (
        [b, c, last], [a, c, last], [a, b, last], [a, b, c], [b, a, c, last], [a, c, b, last],
        [a, a, b, c, last], [a, b, c, last, last], [a, b, c, c, last], [last], [last, a, b, c],
        [a, b, last, c], [a, b, c, last, a],
    ):  # fmt: skip
        assert_refused(b"".join([header, *wrong]))


def test_chunks_of_another_content_under_the_same_key_are_found() -> None:
    header, chunks = chunks_of(encrypted(some_bytes(2 * CHUNK_BYTES)))
    other_header, others = chunks_of(encrypted(some_bytes(2 * CHUNK_BYTES)))
    assert_refused(b"".join([header, chunks[0], others[1], chunks[2]]))
    assert_refused(b"".join([other_header, *chunks]))


def test_no_bit_of_a_short_content_can_be_flipped() -> None:
    ciphertext = encrypted(b"short")
    for bit in range(8 * len(ciphertext)):
        altered = bytearray(ciphertext)
        altered[bit // 8] ^= 1 << bit % 8
        assert_refused(bytes(altered))


@given(st.integers(0, ciphertext_size_of(2 * CHUNK_BYTES + 9) - 1), st.integers(1, 255))
def test_no_byte_of_a_long_content_can_be_altered(place: int, change: int) -> None:
    altered = bytearray(encrypted(some_bytes(2 * CHUNK_BYTES + 9)))
    altered[place] ^= change
    assert_refused(bytes(altered))


@given(st.binary(min_size=1, max_size=SEALED_CHUNK + 1))
def test_bytes_behind_the_content_are_found(tail: bytes) -> None:
    assert_refused(encrypted(b"content") + tail)


def test_another_key_or_context_is_found() -> None:
    ciphertext = encrypted(b"content")
    assert_refused(ciphertext, key=bytes(16))
    for context in (b"", b"sale 8", CONTEXT + b"\0"):
        assert_refused(ciphertext, context=context)


def test_no_byte_of_an_altered_chunk_is_handed_out() -> None:
    header, chunks = chunks_of(encrypted(some_bytes(2 * CHUNK_BYTES)))
    decryptor = Decryptor(KEY, CONTEXT)
    out = decryptor.update(header + chunks[0])
    assert some_bytes(2 * CHUNK_BYTES).startswith(out)
    altered = bytes([chunks[1][0] ^ 1]) + chunks[1][1:]
    with pytest.raises(ContentAltered):
        decryptor.update(altered + chunks[2])
    with pytest.raises(ContentAltered):
        decryptor.finish()
    with pytest.raises(AssertionError):
        _ = decryptor.digests


def test_a_decryptor_that_has_failed_or_finished_stays_so() -> None:
    ciphertext = encrypted(b"content")
    failed = Decryptor(KEY, CONTEXT)
    failed.update(ciphertext[:-1])
    for use in (failed.finish, lambda: failed.update(ciphertext[-1:])):
        with pytest.raises(ContentAltered):
            use()
    finished = Decryptor(KEY, CONTEXT)
    finished.update(ciphertext)
    finished.finish()
    with pytest.raises(ContentAltered):
        finished.update(b"more")


# files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    (tmp_path / "plain").write_bytes(some_bytes(BLOCK_BYTES + 3))
    encrypt_file(tmp_path / "plain", tmp_path / "cipher", KEY, CONTEXT)
    return tmp_path


PROMISED = hashlib.sha256(some_bytes(BLOCK_BYTES + 3)).digest()


def test_a_file_comes_back_with_digests_anyone_can_compare(folder: Path) -> None:
    seen: list[int] = []
    target = folder / "out" / "back"
    digests = decrypt_file(folder / "cipher", target, KEY, CONTEXT, PROMISED, seen.append)
    assert target.read_bytes() == (folder / "plain").read_bytes()
    assert hash_file(target) == (digests.plaintext_digest, digests.plaintext_size)
    assert hash_file(folder / "cipher") == (digests.ciphertext_digest, digests.ciphertext_size)
    assert digests.ciphertext_size == ciphertext_size_of(BLOCK_BYTES + 3)
    assert seen == [BLOCK_BYTES, digests.ciphertext_size]
    assert list((folder / "out").iterdir()) == [target]


@pytest.mark.parametrize("fault", ["altered", "cut off", "wrong key", "wrong digest", "no source"])
def test_after_a_failure_nothing_is_left_and_what_was_there_stays(folder: Path, fault: str) -> None:
    target, source = folder / "out" / "back", folder / "cipher"
    target.write_bytes(b"an earlier content")
    key, promised = KEY, PROMISED
    ciphertext = source.read_bytes()
    if fault == "altered":
        source.write_bytes(ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]))
    elif fault == "cut off":
        source.write_bytes(ciphertext[:-SEALED_CHUNK])
    elif fault == "wrong key":
        key = bytes(16)
    elif fault == "wrong digest":
        promised = bytes(32)
    else:
        source.unlink()
    expected = {"wrong digest": ContentDiffers, "no source": OSError}.get(fault, ContentAltered)
    with pytest.raises(expected):
        decrypt_file(source, target, key, CONTEXT, promised)
    assert [path.name for path in (folder / "out").iterdir()] == ["back"]
    assert target.read_bytes() == b"an earlier content"


def test_a_progress_that_stops_the_work_leaves_nothing(folder: Path) -> None:
    def stop(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encrypt_file(folder / "plain", folder / "out" / "new", KEY, CONTEXT, stop)
    assert list((folder / "out").iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_nothing_else(folder: Path) -> None:
    out = folder / "out"
    (out / ".back.abc.partial").write_bytes(b"half")
    (out / "kept.partial").write_bytes(b"")
    (out / ".hidden").write_bytes(b"")
    (out / ".folder.partial").mkdir()
    assert remove_partial_files(out) == 1
    assert {path.name for path in out.iterdir()} == {"kept.partial", ".hidden", ".folder.partial"}


LARGE_BYTES = 256 << 20
GROWTH_LIMIT_BYTES = 64 << 20
MEASURED = """
import resource, sys
from pathlib import Path
from crypto.content import decrypt_file, encrypt_file, hash_file

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

folder, before = Path(sys.argv[1]), peak()
made = encrypt_file(folder / "plain", folder / "cipher", bytes(16), b"")
decrypt_file(folder / "cipher", folder / "back", bytes(16), b"", made.plaintext_digest)
assert hash_file(folder / "back") == (made.plaintext_digest, made.plaintext_size)
print(peak() - before)
"""


def test_memory_does_not_grow_with_the_content(tmp_path: Path) -> None:
    with (tmp_path / "plain").open("wb") as file:
        file.truncate(LARGE_BYTES)
    measured = subprocess.run(
        [sys.executable, "-c", MEASURED, str(tmp_path)], capture_output=True, check=True
    )
    assert (tmp_path / "back").stat().st_size == LARGE_BYTES
    assert int(measured.stdout) < GROWTH_LIMIT_BYTES
