"""The page around the report: its policy, its independence, and colours that can be read."""

import base64
import hashlib
import re

import pytest

from scenarios.lab.attack_grid import render_grid
from scenarios.lab.attacking import GridRow
from scenarios.lab.index import render_index
from scenarios.lab.report import render_report
from tests.lab.page_tree import tree_of
from tests.lab.sample_run import attack_run, sample_run

PAGE = render_report(sample_run())


def between(page: str, name: str) -> str:
    (found,) = re.findall(f"<{name}>(.*?)</{name}>", page, re.DOTALL)
    assert isinstance(found, str)
    return found


def policy_of(page: str) -> dict[str, str]:
    metas = [m for m in tree_of(page).iter("meta") if m.get("http-equiv")]
    assert [m.get("http-equiv") for m in metas] == ["Content-Security-Policy"]
    rules = [rule.strip().partition(" ") for rule in metas[0].get("content", "").split(";")]
    return {name: sources for name, _, sources in rules}


def fingerprint(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_the_policy_allows_this_script_and_this_style_and_nothing_else() -> None:
    assert policy_of(PAGE) == {
        "default-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "style-src": fingerprint(between(PAGE, "style")),
        "script-src": fingerprint(between(PAGE, "script")),
    }


def test_the_policy_stands_before_anything_it_governs() -> None:
    assert PAGE.index("Content-Security-Policy") < PAGE.index("<style>") < PAGE.index("<script>")


def test_a_page_without_a_script_allows_none() -> None:
    index = render_index({"escrow_purchase/x": sample_run()})
    assert "<script" not in index
    assert "script-src" not in policy_of(index)
    assert policy_of(index)["default-src"] == "'none'"


@pytest.mark.parametrize("page", [PAGE, render_report(attack_run()), render_index({})])
def test_nothing_outside_the_page_is_referred_to(page: str) -> None:
    without_names = page.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|//[a-z]+\.|url\(|@import|<link|<iframe|\bsrc=", without_names)


def test_the_script_fetches_nothing_and_writes_no_markup() -> None:
    script = between(PAGE, "script")
    for forbidden in (
        "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(",
        "XMLHttpRequest", "import(", "localStorage", "Function(",
    ):  # fmt: skip
        assert forbidden not in script
    assert "</" not in script
    assert "</" not in between(PAGE, "style")


def test_the_page_says_its_language_its_title_and_that_it_fits_small_screens() -> None:
    page = tree_of(PAGE)
    assert page.get("lang") == "en"
    assert next(title.text for title in page.iter("title")) == "A purchase through escrow: ok"
    assert any(meta.get("name") == "viewport" for meta in page.iter("meta"))


WRONG = GridRow(
    row="DC-A2",
    name="stranger_spends",
    kind="guarded",
    guards=("payer-holds-the-coin",),
    without="STOLEN",
    guarded="REFUSED",
    refusal="dht_micropayment/no-quorum",
    detected_by="peer-01",
    detected_how="dht_micropayment/no-quorum",
    messages=1,
    loss="",
    as_expected=False,
    trouble="the wrong refusal",
)


def test_classes_that_the_style_names_exist_in_some_page() -> None:
    """A renamed class would lose its look without a sound."""
    index = render_index({"escrow_purchase/x": attack_run()}, ["torn"])
    made = {
        name
        for page in (PAGE, render_report(attack_run()), index, render_grid([WRONG], []))
        for each in tree_of(page).iter()
        for name in each.get("class", "").split()
    }
    by_script_or_rare = {
        "chosen", "later", "for-paper", "crowded", "hidden", "conflict", "pending", "fails",
        "unknown", "violated", "silent", "tear", "left-out", "cut",
    }  # fmt: skip
    style = re.sub(r"/\*.*?\*/", "", between(PAGE, "style"), flags=re.DOTALL)
    selectors = re.findall(r"(?:^|[{}])([^{}@]+)\{", style)
    named = {name for text in selectors for name in re.findall(r"\.([a-z][\w-]*)", text)}
    assert named - made - by_script_or_rare == set()


# colours


def palettes() -> dict[str, dict[str, str]]:
    roots = re.findall(r":root \{([^}]*)\}", between(PAGE, "style"))
    light, dark, *_ = [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", root)) for root in roots]
    return {"light": light, "dark": dark}


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance of an sRGB colour."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_black_on_white_is_the_greatest_contrast() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_colour_of_text_can_be_read_on_every_ground(mode: str) -> None:
    """WCAG 2.2 level AA asks for 4.5 to 1."""
    palette = palettes()[mode]
    grounds = ("paper", "card", "faint", "glow")
    texts = ("ink", "soft", "ok", "violated", "unknown", "request", "answer", "register",
             "content", "refused")  # fmt: skip
    weak = {
        (text, ground): round(contrast(palette[text], palette[ground]), 2)
        for text in texts
        for ground in grounds
        if contrast(palette[text], palette[ground]) < 4.5
    }
    assert weak == {}


def test_both_palettes_name_the_same_colours() -> None:
    light, dark = palettes().values()
    assert set(light) == set(dark)
