"""Who learns what, measured between real nodes: as declared, and as each paper claims or not."""

from dataclasses import replace
from functools import partial

import pytest

from scenarios.lab import facts
from scenarios.lab.facts import Measurement
from scenarios.lab.linking import How
from scenarios.lab.privacy import measure
from scenarios.lab.privacy_words import wrong
from scenarios.privacy import anonymous_micropayment, electronic_cash, item_trading

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(120)]

DECLARED = [one for name in facts.protocols() for one in facts.find(name)]
NOT_BORNE_OUT = {
    (anonymous_micropayment.PROTOCOL, "buyer", "Vend+CA"),
    (f"{anonymous_micropayment.PROTOCOL}, e-cash", "buyer", "Vend+CA"),
    (item_trading.PROTOCOL, "seller", "C_2"),
    (item_trading.PROTOCOL, "buyer", "C_1"),
}
"""By name of the measurement: claims that the pages show as contradicted."""


@pytest.mark.parametrize("measurement", DECLARED, ids=lambda one: one.name)
async def test_every_party_and_coalition_learns_what_is_declared(measurement: Measurement) -> None:
    """BS: 4.2, 4.7. PID: 3 라. DC-A15. PC-A14. IT: V (10), IT-A18. With e-cash: X9."""
    measured = await measure(measurement)
    assert list(wrong(measured)) == []
    assert measured.as_expected
    contradicted = {
        (measurement.name, fact.name, claim.coalition)
        for fact in measurement.facts
        for claim in measured.contradicted(fact)
    }
    assert contradicted == {one for one in NOT_BORNE_OUT if one[0] == measurement.name}


async def test_a_payment_that_bears_what_the_bank_saw_gives_its_payer_away() -> None:
    """The very table that finds nothing between bank and merchant finds this."""
    (honest,) = electronic_cash.MEASUREMENTS
    careless = replace(honest, play=partial(electronic_cash.play, careless=True))
    measured = await measure(careless)
    payer = measured.how["payer"]
    assert payer["B", "M"] is How.DERIVABLE
    assert (payer["B",], payer["M",], payer["S", "M"]) == (How.NEVER, How.NEVER, How.NEVER)
    assert measured.how["same payer"]["M", "N"] is How.NEVER
    assert {claim.coalition for fact in measured.unexpected() for claim in
            measured.contradicted(fact)} == {"B+M"}  # fmt: skip
    assert not measured.as_expected
