"""The proof of knowing a signature: complete, sound, without knowledge, and never twice a nonce."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crypto.full_domain_hash import FdhPrivateKey
from crypto.guillou_quisquater import (
    CHALLENGES_BYTES,
    ROUNDS,
    Opening,
    OpeningRefused,
    ProofRefused,
    Prover,
    Statement,
    check,
    commit,
    draw_opening,
    read_challenges,
    write_challenges,
)
from crypto.meter import metering
from crypto.rsa_private import PUBLIC_EXPONENT

KEY, OTHER = FdhPrivateKey.generate(), FdhPrivateKey.generate()
PUBLIC = KEY.public_key
N, E = PUBLIC.modulus, PUBLIC_EXPONENT
STATEMENT = Statement(PUBLIC, "test", b"certificate")
SIGNATURE = KEY.sign("test", b"certificate")
SECRET = bytes(range(32))
SESSION = b"market, listing, certificate"
OPENING = draw_opening(b"s" * 32)
PROVER = Prover(STATEMENT, SIGNATURE, SECRET, SESSION, commit(SESSION, OPENING))
ANNOUNCED = PROVER.announce()
ANSWERS = PROVER.answer(OPENING)


def seed(number: int) -> bytes:
    return number.to_bytes(32, "big")


def simulated(statement: Statement, challenges: tuple[int, ...]) -> tuple[Any, Any]:
    """A transcript made backwards, by someone who knows the challenges and not the signature."""
    key = statement.key
    answers = [key.hash_to_number("simulated", bytes([place])) for place in range(ROUNDS)]
    announced = [
        pow(z, E, key.modulus) * pow(statement.value, -c, key.modulus) % key.modulus
        for z, c in zip(answers, challenges, strict=True)
    ]
    return tuple(map(key.bytes_of, announced)), tuple(map(key.bytes_of, answers))


def bezout(a: int, b: int) -> tuple[int, int]:
    """x, y with a x + b y = gcd(a, b)."""
    x, y, next_x, next_y = 1, 0, 0, 1
    while b:
        quotient, (a, b) = a // b, (b, a % b)
        x, next_x = next_x, x - quotient * next_x
        y, next_y = next_y, y - quotient * next_y
    return x, y


def extracted(one: tuple[int, bytes], other: tuple[int, bytes]) -> bytes:
    """s from two answers to one T: (z/z')^e = v^(c-c'), and e is prime to c-c'."""
    (c, z), (c_, z_) = one, other
    ratio = PUBLIC.number(z) * pow(PUBLIC.number(z_), -1, N) % N
    x, y = bezout(E, c - c_)
    assert x * E + y * (c - c_) in (1, -1)
    if x * E + y * (c - c_) == -1:
        x, y = -x, -y
    return PUBLIC.bytes_of(pow(STATEMENT.value, x, N) * pow(ratio, y, N) % N)


# complete


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
@settings(max_examples=40)
def test_whoever_knows_the_signature_convinces(drawn: bytes, secret: bytes) -> None:
    opening = draw_opening(drawn)
    prover = Prover(STATEMENT, SIGNATURE, secret, SESSION, commit(SESSION, opening))
    check(STATEMENT, opening, prover.announce(), prover.answer(opening))


# sound


@pytest.mark.parametrize("place", range(ROUNDS))
@pytest.mark.parametrize("which", ["announced", "answers"])
def test_one_altered_number_is_refused(which: str, place: int) -> None:
    values = {"announced": ANNOUNCED, "answers": ANSWERS}
    changed = list(values[which])
    changed[place] = PUBLIC.bytes_of(PUBLIC.number(changed[place]) * 2 % N)
    with pytest.raises(ProofRefused):
        check(STATEMENT, OPENING, **{**values, which: tuple(changed)})


@pytest.mark.parametrize("place", range(ROUNDS))
def test_one_altered_challenge_is_refused(place: int) -> None:
    challenges = list(read_challenges(OPENING.challenges))
    challenges[place] ^= 1
    with pytest.raises(ProofRefused):
        check(STATEMENT, replace(OPENING, challenges=write_challenges(challenges)),
              ANNOUNCED, ANSWERS)  # fmt: skip


@pytest.mark.parametrize(
    "statement",
    [
        Statement(PUBLIC, "test", b"another certificate"),
        Statement(PUBLIC, "another label", b"certificate"),
        Statement(OTHER.public_key, "test", b"certificate"),
    ],
)
def test_a_proof_is_of_one_statement(statement: Statement) -> None:
    with pytest.raises(ProofRefused):
        check(statement, OPENING, ANNOUNCED, ANSWERS)


def test_answers_in_another_order_are_refused() -> None:
    with pytest.raises(ProofRefused):
        check(STATEMENT, OPENING, ANNOUNCED, ANSWERS[::-1])


def test_zero_would_answer_every_challenge_and_is_refused() -> None:
    zeros = (PUBLIC.bytes_of(0),) * ROUNDS
    for c in read_challenges(OPENING.challenges):
        assert pow(0, E, N) == 0 * pow(STATEMENT.value, c, N)
    with pytest.raises(ProofRefused):
        check(STATEMENT, OPENING, zeros, zeros)
    with pytest.raises(ProofRefused):
        check(STATEMENT, OPENING, (zeros[0], *ANNOUNCED[1:]), (zeros[0], *ANSWERS[1:]))


def test_a_factor_of_the_modulus_is_refused_like_zero() -> None:
    p = PUBLIC.bytes_of(KEY._key.private_numbers().p)
    with pytest.raises(ProofRefused):
        check(STATEMENT, OPENING, (p, *ANNOUNCED[1:]), (p, *ANSWERS[1:]))


def test_a_prover_who_guessed_other_challenges_fails_and_one_who_guessed_right_passes() -> None:
    """The soundness error is the chance to guess all eight: e^-8."""
    assert 8 * math.log2(E) >= 128
    for number in range(20):
        opening = draw_opening(seed(number))
        challenges = read_challenges(opening.challenges)
        announced, answers = simulated(STATEMENT, challenges)
        check(STATEMENT, opening, announced, answers)
        with pytest.raises(ProofRefused):
            check(STATEMENT, draw_opening(seed(number + 1000)), announced, answers)


def test_two_answers_to_one_announcement_give_the_signature_away() -> None:
    """What a prover that used a nonce twice would lose, and why a convincing one knows s."""
    k = 123456789
    for c, c_ in ((0, 1), (65536, 0), (7, 40_000)):
        z, z_ = (
            PUBLIC.bytes_of(k * pow(PUBLIC.number(SIGNATURE), each, N) % N) for each in (c, c_)
        )
        assert extracted((c, z), (c_, z_)) == SIGNATURE


# without knowledge


def test_whoever_knows_the_challenges_makes_the_same_transcripts_without_the_signature() -> None:
    challenges = read_challenges(OPENING.challenges)
    announced, answers = simulated(STATEMENT, challenges)
    check(STATEMENT, OPENING, announced, answers)
    assert announced != ANNOUNCED


@pytest.mark.parametrize("answered", [ANSWERS, ANNOUNCED])
def test_no_number_of_a_run_is_the_signature(answered: tuple[bytes, ...]) -> None:
    assert SIGNATURE not in answered


def test_zero_challenges_are_answered_too_and_show_nothing_but_the_nonce() -> None:
    opening = Opening(bytes(CHALLENGES_BYTES), b"n" * 32)
    prover = Prover(STATEMENT, SIGNATURE, SECRET, SESSION, commit(SESSION, opening))
    assert [pow(PUBLIC.number(z), E, N) for z in prover.answer(opening)] == [
        PUBLIC.number(t) for t in prover.announce()
    ]


# the verifier's commitment


@pytest.mark.parametrize(
    "opening",
    [
        draw_opening(b"t" * 32),
        replace(OPENING, nonce=b"n" * 32),
        replace(OPENING, nonce=OPENING.nonce + b"\0"),
        replace(OPENING, nonce=b""),
        replace(OPENING, challenges=OPENING.challenges[::-1]),
        replace(OPENING, challenges=bytes(CHALLENGES_BYTES)),
    ],
)
def test_challenges_not_committed_to_get_no_answer(opening: Opening) -> None:
    with pytest.raises(OpeningRefused):
        PROVER.answer(opening)


def test_a_commitment_of_another_session_opens_nothing() -> None:
    """So a verifier cannot pass on the challenges of another one."""
    elsewhere = replace(PROVER, session=b"another market")
    with pytest.raises(OpeningRefused):
        elsewhere.answer(OPENING)


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        OPENING.challenges[:-1],
        OPENING.challenges + b"\0",
        b"\x01\x00\x01" + OPENING.challenges[3:],
        b"\xff" * CHALLENGES_BYTES,
    ],
)
def test_challenges_have_one_encoding_and_are_below_e(encoded: bytes) -> None:
    with pytest.raises(OpeningRefused):
        read_challenges(encoded)
    with pytest.raises((OpeningRefused, ProofRefused)):
        check(STATEMENT, Opening(encoded, OPENING.nonce), ANNOUNCED, ANSWERS)


def test_the_largest_challenge_has_its_encoding() -> None:
    most = (E - 1,) * ROUNDS
    assert read_challenges(write_challenges(most)) == most


def test_challenges_are_spread_over_the_whole_range() -> None:
    drawn = [c for n in range(200) for c in read_challenges(draw_opening(seed(n)).challenges)]
    assert len(set(drawn)) > 1500
    assert min(drawn) < 1000
    assert max(drawn) > 64_500
    assert 30_000 < sum(drawn) / len(drawn) < 35_500


# never twice


def test_a_prover_that_remembers_nothing_repeats_itself() -> None:
    again = Prover(STATEMENT, SIGNATURE, SECRET, SESSION, PROVER.commitment)
    assert again.announce() == ANNOUNCED
    assert again.answer(OPENING) == ANSWERS


@pytest.mark.parametrize(
    "change",
    [
        {"commitment": commit(SESSION, draw_opening(b"t" * 32))},
        {"session": b"another market"},
        {"secret": b"t" * 32},
        {"statement": Statement(PUBLIC, "test", b"another certificate")},
        {"signature": KEY.sign("test", b"another certificate")},
    ],
)
def test_anything_else_means_other_nonces(change: dict[str, Any]) -> None:
    other = replace(PROVER, **change)
    assert not set(other.announce()) & set(ANNOUNCED)


def test_the_nonces_of_one_run_differ() -> None:
    assert len(set(ANNOUNCED)) == ROUNDS


# spelling


@pytest.mark.parametrize(
    "spelling",
    [
        lambda t: b"\0" + t,
        lambda t: t[1:],
        lambda t: (PUBLIC.number(t) + N).to_bytes(257, "big"),
        lambda t: b"\xff" * 256,
    ],
)
def test_a_second_spelling_of_a_number_is_refused(spelling: Any) -> None:
    first = spelling(ANNOUNCED[0])
    with pytest.raises(ProofRefused):
        check(STATEMENT, OPENING, (first, *ANNOUNCED[1:]), ANSWERS)
    with pytest.raises(ProofRefused):
        check(STATEMENT, OPENING, ANNOUNCED, (spelling(ANSWERS[0]), *ANSWERS[1:]))


@pytest.mark.parametrize("most", [ROUNDS - 1, 0])
def test_fewer_rounds_are_refused(most: int) -> None:
    with pytest.raises(ProofRefused):
        check(STATEMENT, OPENING, ANNOUNCED[:most], ANSWERS[:most])


def test_short_secrets_are_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="secret"):
        replace(PROVER, secret=b"short").announce()
    with pytest.raises(ValueError, match="seed"):
        draw_opening(b"short")


def test_operations_are_counted() -> None:
    with metering() as meter:
        PROVER.announce()
        PROVER.answer(OPENING)
        check(STATEMENT, OPENING, ANNOUNCED, ANSWERS)
    assert meter["modular_exponentiation"] == 4 * ROUNDS
