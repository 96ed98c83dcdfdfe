"""What a node shows: to anyone who it is, to its owner what it did; in the forms promised."""

import asyncio
import base64
import json
from collections import Counter
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from nodes.protocols.errors import known_errors
from nodes.protocols.message import Role
from tests.greeting.messages import Note
from tests.greeting.module import Greeter
from tests.runtime.waiting import until
from tests.runtime.world import TOKEN, TRANSACTION, World, greet

pytestmark = pytest.mark.asyncio

OWNERS = [
    "/inspect/trace", "/inspect/counters", "/inspect/ledger", "/inspect/transactions",
    "/inspect/transactions/" + "00" * 16, "/inspect/view", "/control",
]  # fmt: skip


async def read(world: World, greeter: Greeter, path: str, **asked: Any) -> Any:
    status, body, response = await world.get(greeter, path, **asked)
    assert (status, response.content_type) == (200, "application/json")
    return json.loads(body)


async def control(
    world: World, greeter: Greeter, operation: str, body: bytes = b"{}", token: str = TOKEN
) -> tuple[int, Any]:
    status, answer, _ = await world.post(
        greeter, body, f"/control/{operation}", headers={"Authorization": f"Bearer {token}"}
    )
    return status, json.loads(answer)


def basic(password: str) -> str:
    """As a browser sends it."""
    return "Basic " + base64.b64encode(f"me:{password}".encode()).decode()


# anyone


async def test_alive_and_ready(world: World) -> None:
    bob = await world.greeter("bob")
    assert (await read(world, bob, "/healthz")) == {"status": "alive"}
    assert (await read(world, bob, "/readyz")) == {"status": "ready", "missing": []}
    there = False
    bob.service.awaits("the sun", lambda: there)
    status, body, _ = await world.get(bob, "/readyz")
    assert (status, json.loads(body)) == (503, {"status": "waiting", "missing": ["the sun"]})
    there = True
    assert (await world.get(bob, "/readyz"))[0] == 200


async def test_who_a_node_is(world: World) -> None:
    bob = await world.greeter("bob", Role.BROKER)
    node = await read(world, bob, "/.well-known/node")
    assert (node["name"], node["role"], node["symbol"]) == ("bob", "broker", "B")
    assert node["id"] == bob.party.id.hex()
    assert bytes.fromhex(node["certificate"])
    assert node["protocols"] == ["greeting"]
    assert (node["guards_off"], node["lab"], node["ready"]) == ([], False, True)


async def test_no_path_shows_a_private_key(world: World) -> None:
    alice, bob = await world.greeter("alice", lab=True), await world.greeter("bob", lab=True)
    await greet(alice, bob)
    secrets = [bob.party.key.seed, bob.party.sealing_key.private_bytes, bob.party.settings.secret]
    open_paths = ["/", "/metrics", "/.well-known/node", "/openapi.json", "/readyz", "/docs"]
    for path in OWNERS + open_paths:
        _, body, _ = await world.get(bob, path, owner=True)
        for secret in secrets:
            assert secret not in body
            assert secret.hex().encode() not in body.lower()
        assert TOKEN.encode() not in body


async def counted(world: World, greeter: Greeter) -> Counter[str]:
    """What step 1 of the greeting has cost so far, by the node's metrics."""
    _, body, _ = await world.get(greeter, "/metrics")
    (family,) = (
        family
        for family in text_string_to_metric_families(body.decode())
        if family.name == "jangteo_step"
    )
    return Counter(
        {
            sample.labels["kind"]: int(sample.value)
            for sample in family.samples
            if (sample.labels["protocol"], sample.labels["step"]) == ("greeting", "1")
        }
    )


async def test_metrics_are_prometheus_text(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    await greet(alice, bob)
    before = await counted(world, bob)
    await greet(alice, bob, words="and again")
    after = await counted(world, bob)
    gone = {kind: after[kind] - before[kind] for kind in ("messages", "verify", "sign", "refused")}
    assert gone == {"messages": 1, "verify": 1, "sign": 1, "refused": 0}
    _, body, response = await world.get(bob, "/metrics")
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = {family.name: family for family in text_string_to_metric_families(body.decode())}
    assert families["jangteo_ready"].samples[0].value == 1
    assert families["jangteo_commits"].samples[0].value >= 1
    assert families["jangteo_messages_in_hand"].samples[0].value == 0


async def test_the_front_page_is_plain_text_or_html_without_markup_of_strangers(
    world: World,
) -> None:
    bob = await world.greeter("bob")
    _, text, response = await world.get(bob, "/")
    assert response.content_type == "text/plain"
    assert text.decode().startswith("Greets <you>.\n")
    for word in (b"bob", b"peer", bob.party.id.hex().encode(), b"greeting", b"ready"):
        assert word in text
    _, page, response = await world.get(bob, "/", headers={"Accept": "text/html"})
    assert response.content_type == "text/html"
    assert b"Greets &lt;you&gt;." in page
    assert b"<you>" not in page
    assert b"://" not in page
    for shown in (text, page):
        assert b"Processor time" in shown
        assert b"_" not in shown.split(b"/docs")[0].split(b"<body>")[-1]
        assert b"/inspect/view" not in shown


async def test_the_front_page_of_a_lab_leads_to_its_view(world: World) -> None:
    bob = await world.greeter("bob", lab=True)
    for accepted in ("text/plain", "text/html"):
        _, page, _ = await world.get(bob, "/", headers={"Accept": accepted})
        assert b"/inspect/view" in page


async def test_the_docs_page_serves_its_own_files(world: World) -> None:
    bob = await world.greeter("bob")
    _, page, response = await world.get(bob, "/docs")
    assert response.content_type == "text/html"
    assert b"://" not in page
    for name, type_ in (
        ("swagger-ui.css", "text/css"),
        ("swagger-ui-bundle.js", "text/javascript"),
    ):
        assert f'"/docs/{name}"'.encode() in page
        status, body, response = await world.get(bob, f"/docs/{name}")
        assert (status, response.content_type) == (200, type_)
        assert len(body) > 10_000
    assert (await world.get(bob, "/docs/index.html"))[0] == 404


# OpenAPI


def references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for item in value.values() for found in references(item)]
    if isinstance(value, list):
        return [found for item in value for found in references(item)]
    return []


async def test_the_description_is_openapi_3_1(world: World) -> None:
    bob = await world.greeter("bob")
    document = await read(world, bob, "/openapi.json")
    assert document["openapi"].startswith("3.1.")
    assert document["info"].keys() >= {"title", "version"}
    assert document.keys() <= {"openapi", "info", "paths", "components", "tags", "servers"}
    schemas = document["components"]["schemas"]
    schemes = document["components"]["securitySchemes"]
    for path, item in document["paths"].items():
        assert path.startswith("/")
        for method, operation in item.items():
            assert method in ("get", "post", "put")
            assert operation["summary"]
            assert "default" in operation["responses"]
            for name, response in operation["responses"].items():
                assert name == "default" or 100 <= int(name) <= 599
                assert response["description"]
            for needed in operation.get("security", []):
                assert needed.keys() <= schemes.keys()
            for content in operation.get("requestBody", {}).get("content", {}).values():
                assert content["schema"]
    for reference in references(document):
        assert reference.removeprefix("#/components/schemas/") in schemas, reference


async def test_every_message_operation_and_page_is_described_and_there(world: World) -> None:
    bob = await world.greeter("bob", lab=True)
    document = await read(world, bob, "/openapi.json")
    paths = document["paths"]
    served = {"/greeting/greet", "/greeting/note", "/greeting/whisper", "/control/ring"}
    assert served <= {path for path, item in paths.items() if "post" in item}
    assert paths["/greeting/greet"]["post"]["summary"] == "Step 1: Somebody says hello."
    assert document["components"]["schemas"]["Greet"]["properties"].keys() == {"words", "name"}
    codes = document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    assert set(codes) == set(known_errors())
    for path, item in paths.items():
        if "get" in item:
            status, _, _ = await world.get(bob, path, owner=True)
            assert status in (200, 503), path
    for path in OWNERS:
        described = path.replace("/" + "00" * 16, "/{id}")
        if described in paths:
            assert paths[described]["get"]["security"] == [{"owner": []}]


# the owner


@pytest.mark.parametrize("path", OWNERS)
@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer ",
        "Bearer wrong",
        f"bearer {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN[:-1]}",
        "Bearer \udcff\udcfe",
        "Basic abc",
        "Basic \udcff",
        basic(""),
        basic("wrong"),
        basic(TOKEN).lower(),
    ],
)
async def test_nobody_but_the_owner_sees_it(world: World, path: str, given: str | None) -> None:
    bob = await world.greeter("bob", lab=True)
    headers = {} if given is None else {"Authorization": given}
    status, body, response = await world.get(bob, path, headers=headers)
    assert (status, response.content_type) == (401, "application/problem+json")
    assert json.loads(body)["code"] == "http/not-the-owner"
    assert (await world.get(bob, path, owner=True))[0] == 200


@pytest.mark.parametrize("path", OWNERS)
async def test_a_browser_asks_its_user_for_the_token(world: World, path: str) -> None:
    bob = await world.greeter("bob", lab=True)
    asked = {"Accept": "text/html,*/*"}
    status, _, response = await world.get(bob, path, headers=asked)
    assert status == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    asked["Authorization"] = basic(TOKEN)
    assert (await world.get(bob, path, headers=asked))[0] == 200


async def test_a_program_is_asked_for_a_bearer_token(world: World) -> None:
    bob = await world.greeter("bob")
    _, _, response = await world.get(bob, "/inspect/ledger", headers={"Accept": "*/*"})
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_what_a_browser_sends_by_itself_changes_nothing(world: World) -> None:
    bob = await world.greeter("bob")
    headers = {"Authorization": basic(TOKEN), "Accept": "text/html"}
    status, answer, response = await world.post(bob, b"", "/control/ring", headers=headers)
    assert (status, json.loads(answer)["code"]) == (401, "http/not-the-owner")
    assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_nobody_but_the_owner_operates_a_node(world: World) -> None:
    bob = await world.greeter("bob")
    status, answer = await control(world, bob, "ring", token="wrong")
    assert (status, answer["code"]) == (401, "http/not-the-owner")
    assert await control(world, bob, "ring", b'{"times": 3}') == (200, {"rung": 3})
    assert await control(world, bob, "ring", b"") == (200, {"rung": 1})
    listed = await read(world, bob, "/control", owner=True)
    assert listed["operations"]["ring"] == "Ring the bell"


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"times": "3"}', b'{"times": 1, "more": 1}', b"\xff", b"[" * 50_000]
)
async def test_an_operation_with_wrong_fields_says_what_is_wrong(world: World, body: bytes) -> None:
    bob = await world.greeter("bob")
    status, answer = await control(world, bob, "ring", body)
    assert (status, answer["code"]) == (422, "http/invalid-request")
    assert answer["detail"]


async def test_an_operation_that_is_not_there_names_those_that_are(world: World) -> None:
    bob = await world.greeter("bob")
    status, answer = await control(world, bob, "sing")
    assert (status, answer["code"]) == (404, "http/no-such-path")
    assert "ring" in answer["detail"]


async def test_clock_kill_and_view_are_there_in_a_lab_alone(world: World) -> None:
    bob = await world.greeter("bob")
    for operation, body in (
        ("clock", b'{"advance_seconds": 1}'),
        ("kill_at", b'{"protocol": "greeting", "step": "1", "point": "saved"}'),
    ):
        status, answer = await control(world, bob, operation, body)
        assert (status, answer["code"]) == (403, "http/not-in-a-lab")
    status, body, _ = await world.get(bob, "/inspect/view", owner=True)
    assert (status, json.loads(body)["code"]) == (403, "http/not-in-a-lab")


async def test_a_lab_moves_the_clock_forward_only(world: World) -> None:
    bob = await world.greeter("bob", lab=True)
    moved: list[int] = []
    bob.service.when_clock_moves(lambda: moved.append(1))
    before = bob.party.now()
    status, answer = await control(world, bob, "clock", b'{"advance_seconds": 3600}')
    assert status == 200
    assert before + 3_600_000 <= answer["now"] <= before + 3_660_000
    assert moved == [1]
    for wrong in (b"-1", b"1e300", b'"1"', b"null"):
        status, answer = await control(world, bob, "clock", b'{"advance_seconds": %s}' % wrong)
        assert (status, answer["code"]) == (422, "http/invalid-request")
    assert bob.party.now() < before + 7_200_000
    status, answer = await control(
        world, bob, "kill_at", b'{"protocol": "greeting", "step": "1", "point": "nowhere"}'
    )
    assert (status, answer["code"]) == (422, "http/invalid-request")


async def test_a_lab_shows_what_a_party_read(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob", lab=True)
    await greet(alice, bob, words="the word")
    read_by_bob = (await read(world, bob, "/inspect/view", owner=True))["read"]
    (seen,) = (line for line in read_by_bob if line["protocol"] == "greeting")
    assert (seen["what"], seen["value"]["words"]) == ("greet", "the word")
    assert seen["transaction"] == TRANSACTION.hex()


async def test_outside_a_lab_no_content_stays_in_the_trace(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    await greet(alice, bob, words="the word")
    for greeter in (alice, bob):
        _, body, _ = await world.get(greeter, "/inspect/trace", owner=True)
        assert b"the word" not in body
        for file in greeter.party.settings.data.glob("*.jsonl"):
            assert b"the word" not in file.read_bytes()


async def test_the_trace_is_read_on_from_a_row_and_waited_for(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    await greet(alice, bob)
    rows = (await read(world, bob, "/inspect/trace", owner=True))["rows"]
    last = rows[-1]["n"]
    after = f"/inspect/trace?after={last}&transaction={'07' * 16}&wait=20"
    assert (await read(world, bob, f"/inspect/trace?after={last}", owner=True))["rows"] == []
    waiting = asyncio.create_task(read(world, bob, after, owner=True))
    await greet(alice, bob, transaction=b"\x08" * 16)
    await greet(alice, bob, transaction=b"\x07" * 16)
    first, *_ = (await waiting)["rows"]
    assert (first["message"], first["transaction"]) == ("Greet", "07" * 16)
    again = await read(world, bob, f"/inspect/trace?transaction={TRANSACTION.hex()}", owner=True)
    assert [row["message"] for row in again["rows"]] == ["Greet", "Greeting"]


@pytest.mark.parametrize("query", ["after=x", "after=nan", "after=inf", "wait=-inf", "wait=one"])
async def test_a_query_that_is_no_number_is_refused(world: World, query: str) -> None:
    bob = await world.greeter("bob")
    status, body, _ = await world.get(bob, f"/inspect/trace?{query}", owner=True)
    assert (status, json.loads(body)["code"]) == (422, "http/invalid-request")


async def test_transactions_are_listed_and_waited_for(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    rows = (await read(world, bob, "/inspect/transactions", owner=True))["transactions"]
    assert [row["state"] for row in rows] == ["0"]
    path = f"/inspect/transactions/{'00' * 16}?until=1,2&wait=20"
    waiting = asyncio.create_task(read(world, bob, path, owner=True))
    await greet(alice, bob)
    assert (await waiting)["found"][0]["state"] == "1"
    for id_, status, code in (
        ("ff" * 16, 404, "http/no-such-transaction"),
        ("xyz", 422, "http/invalid-request"),
    ):
        answered, body, _ = await world.get(bob, f"/inspect/transactions/{id_}", owner=True)
        assert (answered, json.loads(body)["code"]) == (status, code)


async def test_counters_and_ledger(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    await greet(alice, bob)
    counters = await read(world, bob, "/inspect/counters", owner=True)
    step = next(row for row in counters["steps"] if row["protocol"] == "greeting")
    assert (step["step"], step["messages"]) == ("1", 1)
    assert step["verify"] >= 1
    assert counters["node"]["outbox_waiting"] == 0
    ledger = await read(world, bob, "/inspect/ledger", owner=True)
    assert (ledger["party"], ledger["name"], ledger["greetings"]) == (bob.party.id.hex(), "bob", 1)


async def test_what_waits_in_the_outbox_is_counted(world: World) -> None:
    alice, bob = await world.greeter("alice"), await world.greeter("bob")
    bob.door.clear()
    async with alice.party.store.transaction() as tx:
        alice.party.post(tx, bob.party.id, Note(text="later"), bytes(16))
    assert (await read(world, alice, "/inspect/counters", owner=True))["node"][
        "outbox_waiting"
    ] == 1
    bob.door.set()
    await until(lambda: alice.party.outbox.waiting() == 0)
