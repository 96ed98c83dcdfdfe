"""`jangteo judge`: the evidence of sales read from files, and what it proves."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from crypto import codec
from scenarios.lab.evidence_files import NoEvidence, read_evidence
from tests.lab.commands import jangteo
from tests.protocols.escrow_commerce.market import BUYER, OTHER_DIGEST, SALE, SELLER, SIGNED
from tests.protocols.escrow_commerce.test_judge import step_6a, step_7

pytestmark = pytest.mark.timeout(60)

NAMES = {SELLER.public_key.hex(): "peer-03"}


def shown(*pieces: bytes, names: Mapping[str, str] = NAMES) -> str:
    """As a run keeps it."""
    evidence = [{"what": "escrow_commerce", "bytes": piece.hex()} for piece in pieces]
    return json.dumps({"names": names, "found": [{"id": SALE.hex(), "evidence": evidence}]})


def test_a_sale_is_decided_and_each_signer_named(tmp_path: Path) -> None:
    file = tmp_path / "sale.json"
    file.write_text(shown(step_6a(), step_7()))

    done = jangteo("judge", str(file))

    assert done.code == 0, done.err
    assert done.out.startswith(f"sale {SALE.hex()}\n")
    assert f"peer-03 ({SELLER.public_key.hex()[:16]}…)" in done.out
    assert f"\n{BUYER.public_key.hex()[:16]}…" in done.out
    assert "6a SellerDeposit" in done.out
    assert "digests   equal" in done.out
    assert "judged    decided" in done.out


def test_a_file_is_judged_without_any_names(tmp_path: Path) -> None:
    file = tmp_path / "sale.json"
    file.write_text(shown(step_6a(), step_7(), names={}))

    (sale,) = jangteo("judge", str(file), "--json").json["sales"]

    assert (sale["answer"], sale["digests"], sale["worthless"]) == ("decided", "equal", 0)
    assert {fact["what"] for fact in sale["facts"]} == {"contract", "6a", "7"}
    assert {fact["name"] for fact in sale["facts"]} == {None}


def test_digests_that_differ_are_told(tmp_path: Path) -> None:
    file = tmp_path / "sale.json"
    file.write_text(shown(step_6a(), step_7(ciphertext_digest=OTHER_DIGEST)))

    done = jangteo("judge", str(file))

    assert done.code == 2
    assert "digests   differ: one of the two lies; which one cannot be told" in done.out


def test_what_lacks_a_signature_is_undecidable_with_exit_code_2(tmp_path: Path) -> None:
    file = tmp_path / "sale.json"
    file.write_text(shown(codec.encode(SIGNED), step_6a(key=None), b"nothing"))

    done = jangteo("judge", str(file))

    assert done.code == 2
    assert "judged    undecidable: the seller's 6a, the buyer's 7 " in done.out
    assert "2 of them worthless" in done.out


def test_a_folder_with_several_sales_is_judged_sale_by_sale(tmp_path: Path) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "one.json").write_text(shown(step_6a(), step_7()))
    (tmp_path / "evidence" / "two.json").write_text(shown(step_6a()))

    done = jangteo("judge", str(tmp_path), "--json")

    assert done.code == 2
    assert [sale["answer"] for sale in done.json["sales"]] == ["decided", "undecidable"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"3",
        b"{}",
        b"[1]",
        b'{"found": 1}',
        b'{"found": [{"evidence": [{"bytes": "xy"}]}]}',
        b'{"found": [{"evidence": []}]}',
        b"[" * 100_000,
    ],
)
def test_a_file_without_evidence_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "sale.json"
    file.write_bytes(content)

    with pytest.raises(NoEvidence):
        read_evidence(file)


@pytest.mark.parametrize("where", ["nowhere.json", "."])
def test_where_there_is_no_evidence_it_is_said_with_exit_code_3(tmp_path: Path, where: str) -> None:
    done = jangteo("judge", where, cwd=tmp_path)

    assert done.code == 3
    assert done.err.startswith("There is no run" if where.startswith("no") else ". holds no evid")
