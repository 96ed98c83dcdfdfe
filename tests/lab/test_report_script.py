"""The report's script in a real browser: choosing, replaying, moving the ring, printing.

Each test opens the page with a few more lines of script behind it, which act as a reader would and
write what they then see into the page; the browser prints the page it ends with.
"""

import json
import shutil
import subprocess
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from scenarios.lab.markup import escape
from scenarios.lab.report import render_report
from scenarios.lab.run import Run
from tests.lab.sample_run import attack_run, empty_run, sample_run

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")

OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-dev-shm-usage", "--no-first-run", "--virtual-time-budget=20000", "--dump-dom",
)  # fmt: skip
AFTER = """
addEventListener("error", (event) => {{ document.title = "error: " + event.message; }});
const press = (at, key) => at.dispatchEvent(
  new KeyboardEvent("keydown", {{ key, bubbles: true, cancelable: true }}));
const later = () => all(".arrow.later").length;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
(async () => {{
  const seen = await (async () => {{ {acts} }})();
  document.body.dataset.seen = JSON.stringify(seen);
}})().catch((error) => {{ document.body.dataset.seen = JSON.stringify(String(error)); }});
</script>"""

Reader = Callable[[Run, str], Any]


@pytest.fixture
def read(tmp_path: Path) -> Reader:
    """Open a run's report, act, and return what the acts return."""

    def act(run: Run, acts: str) -> Any:
        page = render_report(run)
        policy = page[page.index("<meta http-equiv") : page.index('<meta name="viewport"')]
        page = page.replace(policy, "").replace("</script>", AFTER.format(acts=acts))
        path = tmp_path / "report.html"
        path.write_text(page)
        command = [str(BROWSER), *OPTIONS, f"--user-data-dir={tmp_path / 'browser'}"]
        done = subprocess.run(
            [*command, path.as_uri()], capture_output=True, text=True, timeout=60, check=True
        )
        _, _, rest = done.stdout.partition('data-seen="')
        assert rest, done.stdout[-2000:] + done.stderr[-2000:]
        return json.loads(unescape(rest.partition('"')[0]))

    return act


def test_an_arrow_brings_its_entry_beside_the_drawing(read: Reader) -> None:
    seen = read(
        sample_run(),
        """
        const arrow = one("a.arrow[data-n='13']");
        const before = one("#panel").textContent;
        arrow.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
        return [before, one("#panel h3").textContent.trim(), one("#panel").textContent,
                arrow.getAttribute("aria-current"), all(".chosen").length, location.hash];
        """,
    )
    event = sample_run().events[12]
    assert "Choose an arrow" in seen[0]
    assert seen[1] == f"{event.step} {event.message}"
    assert str(event.transaction) in seen[2]
    assert seen[3:] == ["true", 1, ""]


def test_the_keyboard_walks_along_the_arrows(read: Reader) -> None:
    seen = read(
        sample_run(),
        """
        const arrows = all("a.arrow");
        const name = () => one("#panel .step").textContent + " " + document.activeElement.dataset.n;
        const walked = [];
        arrows[0].focus();
        for (const key of ["ArrowDown", "End", "ArrowDown", "ArrowUp", "Home", "ArrowUp"]) {
          press(document.activeElement, key);
          walked.push(name());
        }
        return [walked, arrows.filter((arrow) => arrow.getAttribute("tabindex") === "0").length];
        """,
    )
    assert seen == [["W2 2", "10 35", "10 35", "10 34", "W1 1", "W1 1"], 1]


def test_the_slider_and_the_buttons_dim_what_comes_later(read: Reader) -> None:
    seen = read(
        sample_run(),
        """
        const slider = one("#slider");
        const told = [one(".replay").hidden, later(), one("#position").textContent];
        slider.value = "5";
        slider.dispatchEvent(new Event("input"));
        told.push(later(), one("#panel .step").textContent);
        one("#forth").click();
        told.push(later());
        one("#back").click();
        one("#back").click();
        told.push(later(), slider.value);
        slider.value = "0";
        slider.dispatchEvent(new Event("input"));
        one("#back").click();
        told.push(later(), one("#position").textContent);
        return told;
        """,
    )
    assert seen[:2] == [False, 0]
    assert seen[2].startswith("35 of 35 · ")
    assert seen[3:] == [30, "W3", 29, 31, "4", 35, "0 of 35"]


def test_a_replay_runs_to_the_end_and_can_be_stopped(read: Reader) -> None:
    seen = read(
        sample_run(),
        """
        const play = one("#play");
        const told = [];
        play.click();
        told.push(play.textContent, later());
        await wait(1000);
        told.push(later());
        play.click();
        await wait(3000);
        told.push(play.textContent, later());
        one("#slider").value = "33";
        one("#slider").dispatchEvent(new Event("input"));
        play.click();
        await wait(5000);
        told.push(play.textContent, later());
        return told;
        """,
    )
    assert seen == ["Pause", 34, 33, "Replay", 33, "Replay", 0]


def test_a_chosen_register_moves_the_large_ring(read: Reader) -> None:
    step = sample_run().coins[1].steps[1]
    seen = read(
        sample_run(),
        """
        const register = all("button.register")[4];
        register.click();
        const ring = one(".ring.large");
        const names = (selector) => all(selector, ring).map((e) => e.dataset.name).sort();
        return [names(".spoke:not(.hidden)"), names(".peer.voted"), names(".peer.silent"),
                one(".ring.large .key").getAttribute("transform"), register.dataset.key,
                one("#ring-says").textContent,
                all("[aria-pressed='true']").map((e) => e === register)];
        """,
    )
    voters = {vote.voter for vote in step.votes}
    assert seen[0] == sorted(step.replicas)
    assert seen[1] == sorted(voters)
    assert seen[2] == sorted(set(step.replicas) - voters)
    assert seen[3] == f"translate({seen[4]})"
    assert seen[5].startswith("Coin 102, register 1: 7 of 8 votes")
    assert seen[6] == [True]


def test_an_arrow_of_an_attacks_side_opens_its_entry(read: Reader) -> None:
    seen = read(
        attack_run(),
        """
        one(".sides a.arrow[href='#with-2']").dispatchEvent(
          new MouseEvent("click", { bubbles: true, cancelable: true }));
        await wait(200);
        const entry = document.getElementById("with-2");
        return [location.hash, entry.open, entry.parentElement.closest("details").open,
                one("#panel").textContent.includes("Choose an arrow")];
        """,
    )
    assert seen == ["#with-2", True, True, True]


def test_paper_gets_the_list_unfolded_and_the_screen_gets_it_back(read: Reader) -> None:
    seen = read(
        sample_run(),
        """
        const state = () => [one(".all-messages").open, all(".message[open]").length,
                             all(".for-paper").length];
        const told = [state()];
        dispatchEvent(new Event("beforeprint"));
        told.push(state());
        dispatchEvent(new Event("afterprint"));
        told.push(state());
        return told;
        """,
    )
    assert seen == [[False, 0, 0], [True, 5, 5], [False, 0, 0]]


def test_hostile_text_stays_text_beside_the_drawing(read: Reader) -> None:
    run = sample_run()
    text = "<img src=x onerror=document.title='hacked'>"
    run.events[0].message = text
    run.events[0].fields = {text: text}
    seen = read(
        run,
        """
        one("a.arrow").dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
        await wait(200);
        return [all("img").length, document.title, one("#panel h3 .name").textContent];
        """,
    )
    assert seen == [0, "A purchase through escrow: ok", text]
    assert escape(text) in render_report(run)


def test_a_run_without_messages_or_coins_raises_no_error(read: Reader) -> None:
    assert read(empty_run(), "return document.title;") == "A purchase through escrow: unknown"
