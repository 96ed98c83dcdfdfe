"""`jangteo judge`: who signed what in a sale, from its evidence alone and without any node."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.lab.choice import JsonOption
from scenarios.lab.commands_run import USUAL_RUNS, RunsOption, find_run
from scenarios.lab.console import emit, in_words, say, show_table

if TYPE_CHECKING:
    from nodes.protocols.escrow_commerce.judge import Fact, Ruling
    from scenarios.lab.evidence_files import SaleEvidence

UNDECIDABLE = 2
KEY_DIGITS = 16


def add_to(app: typer.Typer) -> None:
    app.command()(judge)


def judge(
    where: Annotated[
        str,
        typer.Argument(
            metavar="[RUN|FILE]",
            help="A run's folder, a scenario's name, or a file with what /inspect/transactions/ID "
            "answered; the newest run otherwise.",
        ),
    ] = "",
    runs: RunsOption = Path(USUAL_RUNS),
    as_json: JsonOption = False,
) -> int:
    """Who signed what in a sale, offline, from its signed messages and public keys alone.

    Exit code 0: decided. 2: a signature is missing. 3: there is no evidence.
    """
    from nodes.protocols.escrow_commerce.judge import Answer
    from nodes.protocols.escrow_commerce.judge import judge as rule
    from scenarios.lab.evidence_files import read_evidence

    place = Path(where) if where and Path(where).exists() else find_run(runs, where)
    cases = read_evidence(place)
    rulings = [rule(case.pieces) for case in cases]
    if as_json:
        emit({"sales": [_plain(*each) for each in zip(cases, rulings, strict=True)]})
    else:
        for n, (case, ruling) in enumerate(zip(cases, rulings, strict=True)):
            if n:
                say()
            _show(case, ruling)
    decided = all(ruling.answer is Answer.DECIDED for ruling in rulings)
    return 0 if decided else UNDECIDABLE


def _show(case: "SaleEvidence", ruling: "Ruling") -> None:
    say(f"sale {_sale(case, ruling)}\n")
    if ruling.facts:
        rows = [[_signer(case, fact), _what(fact), _says(fact)] for fact in ruling.facts]
        show_table(["signed by", "what", "it says"], rows)
        say()
    say(f"digests   {ruling.digests}{DIGESTS[ruling.digests]}")
    say(f"judged    {ruling.answer}: {_grounds(case, ruling)}")


DIGESTS = {
    "equal": ": both signed for the same encrypted content",
    "differ": ": one of the two lies; which one cannot be told",
    "unknown": "",
}


def _grounds(case: "SaleEvidence", ruling: "Ruling") -> str:
    pieces = in_words(len(case.pieces), "piece") + " of evidence"
    if ruling.worthless:
        pieces += f", {ruling.worthless} of them worthless"
    if ruling.missing:
        return f"{', '.join(ruling.missing)} is missing among {pieces}"
    return f"neither can deny the contract nor what it gave; {pieces}"


def _sale(case: "SaleEvidence", ruling: "Ruling") -> str:
    """As signed; as it was shown only where nobody signed for it."""
    agreed = ruling.contract.sale if ruling.contract else None
    return agreed.hex() if agreed else case.sale


def _signer(case: "SaleEvidence", fact: "Fact") -> str:
    key = fact.signer.hex()
    short = f"{key[:KEY_DIGITS]}…"
    return f"{case.names[key]} ({short})" if key in case.names else short


def _what(fact: "Fact") -> str:
    name = type(fact.statement).__name__
    return name if fact.what == name.lower() else f"{fact.what} {name}"


def _says(fact: "Fact") -> str:
    from nodes.protocols.escrow_commerce import messages as say_in

    match fact.statement:
        case say_in.Contract(description=what, price=price, deadline=deadline):
            return f'"{what}"{_for(price)}, by {_moment(deadline)}'
        case say_in.Offer(description=what, price=price):
            return f'"{what}"{_for(price)}'
        case say_in.SellerDeposit() | say_in.BuyerDeposit() as deposit:
            return f"the encrypted content has digest {deposit.ciphertext_digest.hex()[:16]}…"
        case say_in.Rating() | say_in.TrustUpdate() as rated:
            return f"{rated.value:+d}"
        case say_in.OpenDispute(complaint=complaint):
            return str(complaint)
    return ""


def _for(price: int | None) -> str:
    return "" if price is None else f" for {price}"


def _moment(milliseconds: int) -> str:
    try:
        then = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"
    return f"{then:%Y-%m-%d %H:%M:%S}Z"


def _plain(case: "SaleEvidence", ruling: "Ruling") -> dict[str, Any]:
    return {
        "sale": _sale(case, ruling),
        "answer": ruling.answer,
        "missing": list(ruling.missing),
        "digests": ruling.digests,
        "pieces": len(case.pieces),
        "worthless": ruling.worthless,
        "facts": [
            {
                "signer": fact.signer.hex(),
                "name": case.names.get(fact.signer.hex()),
                "what": fact.what,
                "says": _says(fact),
            }
            for fact in ruling.facts
        ],
    }
