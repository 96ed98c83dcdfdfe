"""Settings: read once from the environment; whatever does not fit is said by name."""

from pathlib import Path

import pytest

from nodes.runtime.settings import InvalidSettings, read_settings, to_environment

LEAST = {
    "JANGTEO_NAME": "peer-01",
    "JANGTEO_DATA": "/data",
    "JANGTEO_WORLD": "/world",
    "JANGTEO_CA_URL": "http://authority:8000",
}


def test_the_least_is_enough_and_the_rest_is_given() -> None:
    settings = read_settings(LEAST)
    assert (settings.name, settings.data, settings.world) == (
        "peer-01", Path("/data"), Path("/world"),
    )  # fmt: skip
    assert settings.host == "127.0.0.1"
    assert (settings.call_seconds, settings.offer_seconds, settings.dispute_seconds) == (5, 60, 120)
    assert (settings.lab, settings.without, settings.lifeline) == (False, (), -1)
    assert settings.message_bytes == 1 << 20


def test_every_kind_of_value_is_read() -> None:
    settings = read_settings(
        LEAST
        | {
            "JANGTEO_PORT": "8101",
            "JANGTEO_LAB": "1",
            "JANGTEO_WITHOUT": "payee-is-named,receipt-names-the-item,",
            "JANGTEO_CALL_SECONDS": "0.25",
            "JANGTEO_LIFELINE": "7",
            "JANGTEO_URL": "",
            "PATH": "/bin",
        }
    )
    assert (settings.port, settings.lab, settings.lifeline) == (8101, True, 7)
    assert settings.without == ("payee-is-named", "receipt-names-the-item")
    assert settings.call_seconds == 0.25
    assert settings.url == ""


def test_an_environment_reads_back_as_the_same_settings() -> None:
    for extra in (
        {},
        {"JANGTEO_LAB": "yes", "JANGTEO_WITHOUT": "a,b", "JANGTEO_BODY_SECONDS": "0.1"},
    ):
        settings = read_settings(LEAST | extra)
        assert read_settings(to_environment(settings)) == settings


@pytest.mark.parametrize("missing", sorted(LEAST))
def test_a_setting_that_is_missing_is_named(missing: str) -> None:
    given = {name: value for name, value in LEAST.items() if name != missing}
    for environment in (given, given | {missing: ""}):
        with pytest.raises(InvalidSettings, match=missing.removeprefix("JANGTEO_").lower()):
            read_settings(environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "http"),
        ("PORT", "70000"),
        ("PORT", "-1"),
        ("UDP_PORT", "1.5"),
        ("EXPECTED_PEERS", "0"),
        ("EXPECTED_PEERS", "4"),
        ("OPENING_BALANCE", "-1"),
        ("CALL_SECONDS", "0"),
        ("CALL_SECONDS", "-5"),
        ("CALL_SECONDS", "soon"),
        ("CALL_SECONDS", "nan"),
        ("DISPUTE_SECONDS", "inf"),
        ("MESSAGE_BYTES", "1MiB"),
        ("WORK_IN_HAND", "0"),
        ("CONNECTIONS", "0"),
        ("LAB", "perhaps"),
        ("LOG_LEVEL", "loud"),
        ("RSA", "quick"),
    ],
)
def test_a_value_that_does_not_fit_is_named(name: str, value: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        read_settings(LEAST | {f"JANGTEO_{name}": value})
    assert name.lower() in str(caught.value).lower()
    assert "JANGTEO_" in str(caught.value)


@pytest.mark.parametrize("value", ["0", "no", "false", "False", "NO"])
def test_a_lab_is_switched_off_in_plain_words(value: str) -> None:
    assert not read_settings(LEAST | {"JANGTEO_LAB": value}).lab


def test_a_setting_nobody_knows_is_named() -> None:
    with pytest.raises(InvalidSettings, match="JANGTEO_PROT, JANGTEO_QUIET"):
        read_settings(LEAST | {"JANGTEO_PROT": "1", "JANGTEO_QUIET": "1"})


def test_secret_and_token_are_read_from_the_worlds_folder(tmp_path: Path) -> None:
    settings = read_settings(LEAST | {"JANGTEO_WORLD": str(tmp_path)})
    with pytest.raises(InvalidSettings, match="secret"):
        _ = settings.secret
    with pytest.raises(InvalidSettings, match="token"):
        _ = settings.token
    (tmp_path / "secret").write_text("abcd\n")
    (tmp_path / "token").write_text(" owner \n")
    assert (settings.secret, settings.token) == (b"\xab\xcd", "owner")
    (tmp_path / "secret").write_text("no hex")
    with pytest.raises(InvalidSettings, match="secret"):
        _ = settings.secret
    (tmp_path / "token").write_text("\n")
    with pytest.raises(InvalidSettings, match="token"):
        _ = settings.token
