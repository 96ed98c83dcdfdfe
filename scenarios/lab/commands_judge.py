"""`jangteo judge`: who cannot deny what, from evidence alone and without any node."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scenarios.lab.choice import JsonOption
from scenarios.lab.commands_run import USUAL_RUNS, RunsOption, find_run
from scenarios.lab.console import emit, in_words, say, show_table

if TYPE_CHECKING:
    from nodes.protocols.escrow_commerce.judge import Fact, Ruling
    from nodes.protocols.evidence import Ruled
    from scenarios.lab.evidence_files import Case

UNDECIDABLE = 2
SALES = "escrow_commerce"
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
    """Who cannot deny what, offline, from signed evidence and public keys alone.

    Exit code 0: decided. 2: something is undecidable. 3: there is no evidence.
    """
    from nodes.protocols.evidence import Answer
    from scenarios.lab.evidence_files import read_evidence
    from scenarios.lab.judges import rule_on

    place = Path(where) if where and Path(where).exists() else find_run(runs, where)
    cases = [(case, rule_on(case)) for case in read_evidence(place)]
    if as_json:
        sales = [_plain(case, _ruling_of(case)) for case, _ in cases if case.protocol == SALES]
        emit({"sales": sales, "cases": [_ruled(*each) for each in cases]})
    else:
        for n, (case, rulings) in enumerate(cases):
            if n:
                say()
            _show_case(case, rulings)
    found = [ruled for _, rulings in cases for ruled in rulings]
    return 0 if all(ruled.answer is Answer.DECIDED for ruled in found) else UNDECIDABLE


def _show_case(case: "Case", rulings: "list[Ruled]") -> None:
    if case.protocol == SALES:
        _show(case, _ruling_of(case))
        say()
    else:
        say(f"{case.protocol} {case.transaction}, {in_words(len(case.pieces), 'piece')}\n")
    rows = [[r.denial, r.answer, _name(case, r.culprit), _why(r)] for r in rulings]
    if rows:
        show_table(["denial", "judged", "who cannot deny it", "grounds"], rows)
    else:
        say("nobody has signed anything that a judge could be asked about")


def _ruling_of(case: "Case") -> "Ruling":
    from nodes.protocols.escrow_commerce.judge import judge as rule

    return rule(case.pieces)


def _why(ruled: "Ruled") -> str:
    return ruled.grounds if ruled.answer == "decided" else f"lacking: {ruled.grounds}"


def _name(case: "Case", key: bytes | None) -> str:
    if key is None:
        return ""
    short = f"{key.hex()[:KEY_DIGITS]}…"
    return case.names.get(key.hex(), short)


def _ruled(case: "Case", rulings: "list[Ruled]") -> dict[str, Any]:
    return {
        "protocol": case.protocol,
        "transaction": case.transaction,
        "pieces": len(case.pieces),
        "rulings": [
            {
                "denial": ruled.denial,
                "answer": ruled.answer,
                "culprit": ruled.culprit.hex() if ruled.culprit else None,
                "name": _name(case, ruled.culprit) or None,
                "grounds": ruled.grounds,
            }
            for ruled in rulings
        ],
    }


def _show(case: "Case", ruling: "Ruling") -> None:
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


def _grounds(case: "Case", ruling: "Ruling") -> str:
    pieces = in_words(len(case.pieces), "piece") + " of evidence"
    if ruling.worthless:
        pieces += f", {ruling.worthless} of them worthless"
    if ruling.missing:
        return f"{', '.join(ruling.missing)} is missing among {pieces}"
    return f"neither can deny the contract nor what it gave; {pieces}"


def _sale(case: "Case", ruling: "Ruling") -> str:
    """As signed; as it was shown only where nobody signed for it."""
    agreed = ruling.contract.sale if ruling.contract else None
    return agreed.hex() if agreed else case.transaction


def _signer(case: "Case", fact: "Fact") -> str:
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


def _plain(case: "Case", ruling: "Ruling") -> dict[str, Any]:
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
