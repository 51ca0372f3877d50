from pathlib import Path

import pytest

from mainstay.core.settings import SettingsError, load


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    (tmp_path / "mainstay.yaml").write_text("page_lease: 11\nrule_interval: 7\nlog_level: error\n")
    env = {"MAINSTAY_DATA": str(tmp_path), "MAINSTAY_PAGE_LEASE": "12", "MAINSTAY_RULE_INTERVAL": "8"}
    loaded = load({"rule_interval": "9"}, env)
    assert (loaded.rule_interval, loaded.page_lease, loaded.log_level, loaded.page_retries) == (9, 12, "error", 6)
    assert loaded.origins["rule_interval"] == "flag --rule-interval"
    assert loaded.origins["page_lease"] == "environment MAINSTAY_PAGE_LEASE"
    assert loaded.origins["log_level"].startswith("file ")
    assert loaded.origins["page_retries"] == "default"


def test_a_list_reaches_another_process_as_it_was(tmp_path: Path) -> None:
    first = load({"outgoing_private": "127.0.0.1, 10.0.0.0/8"}, {"MAINSTAY_DATA": str(tmp_path)})
    env = {"MAINSTAY_DATA": str(tmp_path), "MAINSTAY_OUTGOING_PRIVATE": first.as_text("outgoing_private")}
    assert load({}, env).outgoing_private == first.outgoing_private == ("127.0.0.1", "10.0.0.0/8")


def test_a_secret_comes_from_a_file_and_is_never_shown(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2\n")
    loaded = load({}, {"MAINSTAY_DATA": str(tmp_path), "MAINSTAY_SMTP_PASSWORD_FILE": str(tmp_path / "password")})
    assert loaded.smtp_password == "hunter2"
    assert "hunter2" not in loaded.shown("smtp_password")
    assert "hunter2" not in loaded.origins["smtp_password"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("page_leese: 3", "did you mean 'page_lease'"),
        ("page_lease: soon", "setting page_lease (file"),
        ("[1, 2]", "write one 'name: value' a line"),
        (": :", "not YAML"),
    ],
)
def test_a_bad_file_says_what_is_wrong_where(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "mainstay.yaml").write_text(text)
    with pytest.raises(SettingsError, match=".") as caught:
        load({}, {"MAINSTAY_DATA": str(tmp_path)})
    assert said in str(caught.value)


def test_a_bad_environment_names_the_variable(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="environment MAINSTAY_LISTEN.*write HOST:PORT"):
        load({}, {"MAINSTAY_DATA": str(tmp_path), "MAINSTAY_LISTEN": "8000"})
