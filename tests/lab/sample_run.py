"""Runs to draw: an escrow purchase as a market of 20 would record it, its attack, and odd ones."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from scenarios.lab.run import (
    AttackSide,
    AttackView,
    Check,
    CoinLife,
    CoinStep,
    Costs,
    Event,
    Formula,
    Learned,
    PartyCost,
    PartyView,
    RingPlace,
    Run,
    ScenarioInfo,
    VoteView,
)

ESCROW, COINS = "escrow_commerce", "dht_micropayment"
SELLER, BUYER, ES, CS, BROKER = "peer-03", "peer-01", "escrow-server", "central-server", "broker"
SALE, WITHDRAWAL = "5f0c9a1e7d", "a41b30c2e8"
PEERS = [f"peer-{i:02}" for i in range(1, 17)]
REPLICAS, QUORUM = 8, 6


def hexed(*words: object, digits: int = 40) -> str:
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()[:digits]


RING = [RingPlace(name, hexed("node", name)) for name in PEERS]


def nearest(key: str) -> list[str]:
    """The members that hold a key: nearest by exclusive or."""
    by_distance = sorted(RING, key=lambda place: int(place.node_id, 16) ^ int(key, 16))
    return [place.name for place in by_distance[:REPLICAS]]


@dataclass
class Tape:
    """Events in order; time runs on by a few milliseconds each."""

    events: list[Event] = field(default_factory=list)
    now: int = 3

    def add(self, protocol: str, step: str, message: str, way: str, **more: Any) -> None:
        sender, _, receiver = way.partition(" > ")
        self.now += 2 + int(hexed(step, message, len(self.events), digits=2), 16) % 11
        size = more.pop("bytes", 180 + int(hexed(message, digits=2), 16))
        self.events.append(
            Event(
                n=len(self.events) + 1,
                time_ms=self.now,
                protocol=protocol,
                step=step,
                message=message,
                sender=sender,
                receiver=receiver,
                bytes=size,
                signatures=more.pop("signatures", 1),
                **more,
            )
        )


def _withdraw(tape: Tape) -> None:
    more: dict[str, Any] = {"transaction": WITHDRAWAL}
    tape.add(COINS, "W1", "Withdraw", f"{BUYER} > {BROKER}", fields={"count": 3}, **more)
    tape.add(
        COINS,
        "W2",
        "Coins",
        f"{BROKER} > {BUYER}",
        kind="answer",
        fields={"coins": [{"owner": BUYER, "serial": 101 + i, "generation": 0} for i in range(3)]},
        signatures=4,
        **more,
    )
    for serial in (101, 102, 103):
        tape.add(
            COINS,
            "W3",
            "Put",
            BUYER,
            kind="register",
            **more,
            bytes=4120,
            signatures=7,
            fields={"serial": serial, "index": 0},
            note="register 0 · 8 of 8 votes",
        )


def _offer(tape: Tape) -> None:
    offer = {"description": "harbour.png", "size": 188_416, "price": 3, "seller": SELLER}
    tape.add(ESCROW, "1", "Register", f"{SELLER} > {CS}", fields={"offer": offer}, signatures=2)
    tape.add(ESCROW, "1", "Registered", f"{CS} > {SELLER}", kind="answer")
    tape.add(ESCROW, "2", "Query", f"{BUYER} > {CS}", fields={"words": "harbour"})
    tape.add(
        ESCROW,
        "3",
        "Response",
        f"{CS} > {BUYER}",
        kind="answer",
        signatures=5,
        bytes=1430,
        fields={
            "listings": [{"peer": SELLER, "offer": offer, "of_seller": {"total": 1, "count": 2}}]
        },
        note="peer-03, trust +0.50 from 2 ratings",
    )
    tape.add(ESCROW, "4", "Select", BUYER, kind="decision", bytes=0, signatures=0)


def _deliver(tape: Tape) -> None:
    more: dict[str, Any] = {"transaction": SALE}
    contract = {
        "buyer": BUYER,
        "seller": SELLER,
        "escrow_server": ES,
        "price": 3,
        "content_id": hexed("content", digits=64),
        "deadline": 60_000,
    }
    tape.add(ESCROW, "5", "Request", f"{BUYER} > {SELLER}", fields={"contract": contract}, **more)
    tape.add(
        ESCROW,
        "5",
        "Acceptance",
        f"{SELLER} > {BUYER}",
        kind="answer",
        signatures=3,
        fields={"contract": contract},
        **more,
    )
    tape.add(
        ESCROW,
        "6a",
        "SellerDeposit",
        f"{SELLER} > {ES}",
        sealed=True,
        fields={"ciphertext_digest": hexed("cipher", digits=64), "ciphertext_size": 189_104},
        sealed_fields=["contract", "key"],
        **more,
    )
    tape.add(ESCROW, "6a", "Received", f"{ES} > {SELLER}", kind="answer", **more)
    tape.add(ESCROW, "6b", "ContentRequest", f"{BUYER} > {SELLER}", **more)
    tape.add(
        ESCROW,
        "6b",
        "E_K(C)",
        f"{SELLER} > {BUYER}",
        kind="content",
        bytes=189_104,
        note="185 KiB, encrypted",
        signatures=0,
        **more,
    )


def _pay(tape: Tape) -> None:
    more: dict[str, Any] = {"transaction": SALE}
    tape.add(
        ESCROW,
        "7",
        "BuyerDeposit",
        f"{BUYER} > {ES}",
        sealed=True,
        bytes=5210,
        signatures=7,
        sealed_fields=["contract", "ciphertext_digest", "instrument", "payment"],
        **more,
    )
    for serial in (101, 102, 103):
        tape.add(
            COINS,
            "P3",
            "Put",
            ES,
            kind="register",
            bytes=6210,
            signatures=9,
            **more,
            fields={"serial": serial, "index": 1},
            note="register 1 · 8 of 8 votes",
        )
    tape.add(
        COINS,
        "P3",
        "Put",
        "peer-16",
        kind="register",
        outcome="dht/payee-is-not-you",
        bytes=4022,
        fields={"serial": 101, "index": 1},
        signatures=9,
        **more,
    )
    tape.add(ESCROW, "7", "Received", f"{ES} > {BUYER}", kind="answer", **more)
    tape.add(
        ESCROW, "8", "Compare", ES, kind="decision", bytes=0, signatures=0, **more, note="equal"
    )
    tape.add(
        ESCROW,
        "8a",
        "KeyRelease",
        f"{ES} > {BUYER}",
        sealed=True,
        **more,
        sealed_fields=["key", "dispute_until"],
    )
    tape.add(ESCROW, "8a", "Received", f"{BUYER} > {ES}", kind="answer", **more)
    tape.add(
        ESCROW,
        "8a",
        "Open",
        BUYER,
        kind="decision",
        bytes=0,
        signatures=0,
        **more,
        note="H(C) as promised",
    )


def _settle(tape: Tape) -> None:
    more: dict[str, Any] = {"transaction": SALE}
    tape.add(ESCROW, "9", "Rate", f"{BUYER} > {ES}", fields={"value": 1}, signatures=2, **more)
    tape.add(ESCROW, "9", "Received", f"{ES} > {BUYER}", kind="answer", **more)
    tape.add(
        ESCROW,
        "8b",
        "PaymentRelease",
        f"{ES} > {SELLER}",
        sealed=True,
        bytes=7120,
        signatures=10,
        sealed_fields=["instrument", "amount", "payment"],
        **more,
    )
    for serial in (101, 102, 103):
        tape.add(
            COINS,
            "P3",
            "Put",
            SELLER,
            kind="register",
            bytes=6870,
            signatures=9,
            **more,
            fields={"serial": serial, "index": 2},
            note="register 2 · 8 of 8 votes",
        )
    tape.add(ESCROW, "8b", "Received", f"{SELLER} > {ES}", kind="answer", **more)
    tape.add(
        ESCROW,
        "10",
        "Update",
        f"{ES} > {CS}",
        fields={"value": 1, "seller": SELLER},
        signatures=2,
        note="trust of peer-03: +0.60",
        **more,
    )
    tape.add(ESCROW, "10", "Updated", f"{CS} > {ES}", kind="answer", **more)


def sample_events() -> list[Event]:
    tape = Tape()
    for phase in (_withdraw, _offer, _deliver, _pay, _settle):
        phase(tape)
    return tape.events


def _register(serial: int, index: int, kind: str, payer: str, payee: str, votes: int) -> CoinStep:
    key = hexed("register", serial, index)
    replicas = nearest(key)
    began = 20 + 90 * index + 7 * (serial - 100)
    times = [began + int(hexed(key, voter, digits=2), 16) % 23 for voter in replicas]
    seen = sorted(zip(times, replicas, strict=True))[:votes]
    return CoinStep(
        index=index,
        kind=kind,
        payer=payer,
        payee=payee,
        key=key,
        certified=votes >= QUORUM,
        replicas=replicas,
        votes=[VoteView(voter, time) for time, voter in seen],
    )


def sample_coins() -> list[CoinLife]:
    return [
        CoinLife(
            cid=hexed("coin", serial, digits=64),
            serial=serial,
            owner=BUYER,
            generation=0,
            steps=[
                _register(serial, 0, "issue", BROKER, BUYER, REPLICAS),
                _register(serial, 1, "payment", BUYER, ES, 7 if serial == 102 else REPLICAS),
                _register(serial, 2, "payment", ES, SELLER, 6 if serial == 103 else REPLICAS),
            ],
        )
        for serial in (101, 102, 103)
    ]


def sample_parties() -> list[PartyView]:
    could = [Learned("the content", "readable"), Learned("the key", "readable")]
    parties = [
        PartyView("certificate-authority", "certificate_authority", "CA", hexed("ca", digits=64)),
        PartyView(
            BROKER,
            "broker",
            "B",
            hexed("b", digits=64),
            {"coins issued": 0},
            {"coins issued": 3},
            [
                Learned("who withdrew", "readable"),
                Learned("what was bought", "never"),
                Learned("who was paid", "never"),
            ],
        ),
        PartyView(
            CS,
            "central_server",
            "CS",
            hexed("cs", digits=64),
            {"trust of peer-03": "+0.50", "ratings": 2},
            {"trust of peer-03": "+0.60", "ratings": 3},
            [
                Learned("the offer", "readable"),
                Learned("the rating", "readable"),
                Learned("the content", "never"),
                Learned("the key", "never"),
            ],
        ),
        PartyView(
            ES,
            "escrow_server",
            "ES",
            hexed("es", digits=64),
            {"sales open": 0, "coins held": 0},
            {"sales open": 0, "coins held": 0},
            [
                Learned("the key", "readable"),
                Learned("the contract", "readable"),
                Learned("the content", "never"),
            ],
            note="Held the key and three coins for 121 ms.",
        ),
    ]
    for name in PEERS:
        if name == BUYER:
            before: dict[str, int | str] = {"balance": 1000, "coins": 0, "harbour.png": "–"}
            after: dict[str, int | str] = {"balance": 997, "coins": 0, "harbour.png": "184 KiB"}
            learned, symbol = [*could, Learned("the rating", "readable")], "P_1"
        elif name == SELLER:
            before = {"balance": 1000, "coins": 0, "trust": "+0.50"}
            after = {"balance": 1000, "coins": 3, "trust": "+0.60"}
            learned, symbol = [*could, Learned("the payment", "readable")], "P_3"
        else:
            before = after = {"balance": 1000}
            learned, symbol = [], "P_i"
        if name == "peer-16":
            learned = [Learned("the transfer", "readable"), Learned("the key", "sealed only")]
        parties.append(
            PartyView(name, "peer", symbol, hexed(name, digits=64), before, after, learned)
        )
    return parties


CHECKS = [
    Check("value conserved", True, "20 accounts and 3 coins: 16 000 before, 16 000 after"),
    Check("nothing accepted twice", True, "9 registers, one record each"),
    Check("every register on its replicas", True, "9 of 9 on 8 of 16 peers"),
    Check("both parties agree", True, "peer-01, peer-03 and escrow-server: CLOSED, 3 coins"),
    Check("content as promised", True, "184 KiB, digest equal to the offer's"),
    Check("the theft was refused", True, "dht/payee-is-not-you from 8 of 8 replicas"),
    Check("no clock ran ahead", None, "peer-09 was not asked in time"),
]

FORMULAS = {
    f"{ESCROW} 1": Formula(
        "P_3 → CS: Register(ID, desc_{P_3})",
        "P_3 → CS: {ID, desc_{P_3}, H(C), size, price}SK_{P_3}",
    ),
    f"{ESCROW} 6a": Formula(
        "P_3 → ES: Send(P_3, P_1, H(E_K(C)), K)",
        "P_3 → ES: PE_ES({tx, contract, H(E_K(C)), K}SK_{P_3})",
    ),
    f"{ESCROW} 6b": Formula("P_3 → P_1: Send(E_K(C))"),
    f"{ESCROW} 7": Formula(
        "P_1 → ES: Send(P_1, P_3, H'(E_K(C)), pay_info)",
        "P_1 → ES: PE_ES({tx, contract, H'(E_K(C)), pay}SK_{P_1})",
    ),
    f"{COINS} P3": Formula(
        "V → DHT: <C + seq_{i+1}, T_UV = {T_U, U}SK_V>",
        "V → DHT: <H(cid, i+1), {T_U}SK_V>, q of k votes",
    ),
}


def sample_costs(events: list[Event]) -> Costs:
    parties = []
    for party in sample_parties():
        sent = [event for event in events if event.sender == party.name]
        received = [event for event in events if event.receiver == party.name]
        member = party.role == "peer"
        parties.append(
            PartyCost(
                party.name,
                len(received),
                len(sent),
                sum(event.bytes for event in received),
                sum(event.bytes for event in sent),
                sign=len(sent) + 4 * member,
                verify=3 * len(received) + 41 * member,
                seal=sum(event.sealed for event in sent),
                open=sum(event.sealed for event in received),
                hash=17 * len(sent) + 230 * member,
                datagrams=int(hexed(party.name, digits=2), 16) + 90 if member else 0,
            )
        )
    return Costs(wall_seconds=0.42, cpu_seconds=0.61, parties=parties)


def sample_run() -> Run:
    """An escrow purchase of 3 coins, in which a third peer tries to take one."""
    events = sample_events()
    return Run(
        scenario=ScenarioInfo(
            "escrow_purchase",
            "A purchase through escrow",
            "Two peers who do not trust each other trade a picture for three coins, and both get "
            "what they want or neither does.",
            "S.-K. Wee and K.-H. Rhee, The New e-Commerce Model using P2P System",
            [ESCROW, COINS],
        ),
        verdict="ok",
        summary="peer-01 bought “harbour.png” from peer-03 for 3 coins, and rated it +1.",
        seed=7041,
        command="jangteo run escrow_purchase --seed 7041",
        started="2026-11-22T06:14:07.512Z",
        seconds=0.42,
        versions={"jangteo": "0.1.0", "python": "3.12.4", "cryptography": "50.0.0"},
        settings={"peers": 16, "k": 8, "q": 6, "price": 3, "dispute seconds": 120, "clock": None},
        parties=sample_parties(),
        events=events,
        coins=sample_coins(),
        ring=list(RING),
        checks=list(CHECKS),
        costs=sample_costs(events),
        formulas=dict(FORMULAS),
    )


def attack_run() -> Run:
    """Payment theft, with its guard off and on."""
    run = sample_run()

    def side(outcome: str) -> list[Event]:
        tape = Tape()
        tape.add(COINS, "P1", "Transfer", "peer-02 > peer-05", signatures=2)
        tape.add(COINS, "P3", "Put", "peer-16", kind="register", outcome=outcome)
        later = "dht/spent" if outcome == "ok" else "ok"
        tape.add(COINS, "P3", "Put", "peer-05", kind="register", outcome=later)
        return tape.events

    run.scenario = ScenarioInfo("attack", "Payment theft", protocols=[COINS])
    run.summary = "Stolen without the guard, refused with it."
    run.command = "jangteo attack payee-is-named"
    run.guards_off = ["payee-is-named"]
    run.attack = AttackView(
        row="DC-A4",
        title="payment theft",
        sentence="Whoever sees a transfer first registers it to himself.",
        kind="guarded",
        without=AttackSide(
            ["payee-is-named"],
            "STOLEN",
            True,
            "peer-16 registers peer-02's coin.",
            "",
            ["1 coin, peer-02 → peer-16", "peer-05 delivered nothing"],
            side("ok"),
        ),
        guarded=AttackSide(
            [],
            "REFUSED",
            False,
            "8 of 8 replicas refuse.",
            "dht/payee-is-not-you",
            [],
            side("dht/payee-is-not-you"),
        ),
        expected="stolen without, refused with",
        as_expected=True,
    )
    return run


def empty_run() -> Run:
    """Ended before anything happened."""
    return Run(
        scenario=ScenarioInfo("escrow_purchase", "A purchase through escrow"),
        verdict="unknown",
        summary="Stopped before the first message.",
        seed=1,
        command="jangteo run escrow_purchase --seed 1",
        started="2026-11-22T06:14:07Z",
        seconds=0.01,
    )


def long_run(count: int) -> Run:
    """`count` messages among 16 peers, every hundredth refused."""
    run = sample_run()
    tape = Tape()
    for i in range(count):
        tape.add(
            COINS,
            "P1",
            "Transfer",
            f"{PEERS[i % 16]} > {PEERS[(i + 5) % 16]}",
            outcome="dht/spent" if i % 100 == 99 else "ok",
            fields={"serial": i, "note": "x" * 40},
        )
    run.events = tape.events
    return run
