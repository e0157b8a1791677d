"""Settings: each has its reason in `.env.example`, and a wrong one stops the start with its name."""

import os
from dataclasses import Field, fields
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from config import PROJECT_ROOT, EngineConfig, ServiceConfig, WrongSetting, misspelt_names
from services.models import shut_down_on

EXAMPLE = (PROJECT_ROOT / ".env.example").read_text("utf-8")
SETTINGS: list[Field[Any]] = [*fields(ServiceConfig), *fields(EngineConfig)]
NUMBERS = [one for one in SETTINGS if isinstance(one.default, int | float)]


def name_of(one: Field[Any]) -> str:
    return str(one.metadata["env"])


def config_with(one: Field[Any], value: str) -> ServiceConfig | EngineConfig:
    owner = ServiceConfig if one in fields(ServiceConfig) else EngineConfig
    return owner.from_env({name_of(one): value})


@pytest.mark.parametrize("one", SETTINGS, ids=name_of)
def test_every_setting_is_in_the_example_with_its_reason(one: Field[Any]) -> None:
    blocks = {block.splitlines()[-1].lstrip("# ").partition("=")[0]: block for block in EXAMPLE.split("\n\n")}
    words = " ".join(line.lstrip("# ") for line in blocks[name_of(one)].splitlines())
    assert one.metadata["help"] in words


# The documented default model was shut down, so the example names another.
@pytest.mark.parametrize("one", [one for one in SETTINGS if name_of(one) != "DEFAULT_MODEL"], ids=name_of)
def test_the_example_shows_the_default(one: Field[Any]) -> None:
    (line,) = [line for line in EXAMPLE.splitlines() if line.lstrip("# ").startswith(f"{name_of(one)}=")]
    shown = line.lstrip("# ").partition("=")[2]
    default: Any = one.default
    assert default == (PROJECT_ROOT / shown if isinstance(default, Path) else type(default)(shown))
    assert line.startswith("# ")


def test_the_example_names_a_model_that_openai_still_serves() -> None:
    (line,) = [line for line in EXAMPLE.splitlines() if line.startswith("DEFAULT_MODEL=")]
    ended = shut_down_on(line.partition("=")[2])
    assert ended is None or ended > date(2026, 11, 23)
    assert line.partition("=")[2] in EngineConfig().model_aliases.split(), "the embedded engine answers to it too"


def test_the_example_names_no_setting_that_does_not_exist() -> None:
    known = {name_of(one) for one in SETTINGS}
    named = {line.lstrip("# ").partition("=")[0] for line in EXAMPLE.splitlines() if "=" in line.split(" ", 2)[-1]}
    assert {name for name in named if name.isupper()} <= known


@pytest.mark.parametrize("one", NUMBERS, ids=name_of)
@pytest.mark.parametrize("text", ["many", "1,5", "nan", "inf", "-1", "1e999"])
def test_a_number_that_is_none_stops_the_start_with_its_name(one: Field[Any], text: str) -> None:
    with pytest.raises(WrongSetting) as wrong:
        config_with(one, text)
    assert str(wrong.value).startswith(f"{name_of(one)} is '{text}'")
    assert one.metadata["help"] in str(wrong.value)


@pytest.mark.parametrize("name", ["PORT", "ENGINE_PORT"])
@pytest.mark.parametrize("port", ["0", "65536", "99999999999999"])
def test_a_port_that_no_machine_has_is_refused(name: str, port: str) -> None:
    one = next(one for one in SETTINGS if name_of(one) == name)
    with pytest.raises(WrongSetting, match="from 1 to 65535"):
        config_with(one, port)
    assert config_with(one, "65535").port == 65535


def test_a_choice_is_one_of_those_there_are() -> None:
    with pytest.raises(WrongSetting, match="DEBUG, INFO, WARNING, ERROR"):
        ServiceConfig.from_env({"LOG_LEVEL": "loud"})


@pytest.mark.parametrize(
    "url",
    [
        "gpu-box:9528",
        "ftp://x/v1",
        "http://",
        "http://[",
        "http://x:port/v1",
        "http://a..b/v1",
        "http://x/v1?api-version=1",
        "http://x/v1#a",
        "http://x/v1?",
    ],
)
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(WrongSetting, match="OPENAI_BASE_URL"):
        ServiceConfig.from_env({"OPENAI_BASE_URL": url})


@pytest.mark.parametrize("organization", ["My: Org", "acme:eu", "Acme", "-acme", "a" * 65, "ácme", "a b", "acme/eu"])
def test_an_organization_that_would_break_a_models_name_is_refused(organization: str) -> None:
    with pytest.raises(WrongSetting, match=f"^ORGANIZATION is '{organization}', but must be"):
        EngineConfig.from_env({"ORGANIZATION": organization})


@pytest.mark.parametrize("organization", ["personal", "acme-eu", "9", "a" * 64])
def test_a_slug_is_an_organization(organization: str) -> None:
    assert EngineConfig.from_env({"ORGANIZATION": organization}).organization == organization


@pytest.mark.parametrize("model", ["a\tb", "my model", "./model.bin", "owner/", "a/b/c", "a:b"])
def test_a_base_model_that_none_can_be_is_refused(model: str) -> None:
    with pytest.raises(WrongSetting, match=r"^BASE_MODEL is .*, but must be"):
        EngineConfig.from_env({"BASE_MODEL": model})


@pytest.mark.parametrize(
    "model",
    [
        "smollm2-135m-instruct",
        "~/my models/模型.GGUF",
        "C:\\models\\a.gguf",
        "owner/repository",
        "owner/repo/file.gguf",
    ],
)
def test_an_id_a_path_and_a_hubs_names_are_base_models(model: str) -> None:
    assert EngineConfig.from_env({"BASE_MODEL": model}).base_model == model


@pytest.mark.parametrize("base", ["gpt-4o:acme", "a b", "a/b", "ä", "x" * 65])
def test_a_base_that_would_break_names_is_refused(base: str) -> None:
    with pytest.raises(WrongSetting, match=f"^BASE_IN_NAMES is '{base}', but must be empty, or a name"):
        EngineConfig.from_env({"BASE_IN_NAMES": base})


@pytest.mark.parametrize("aliases", ["a,b", "a=", "=b", "a=b=c", "a = b", "a;b", "a 'b'"])
def test_aliases_that_are_none_are_refused(aliases: str) -> None:
    with pytest.raises(WrongSetting, match=f"^MODEL_ALIASES is '{aliases}', but must be"):
        EngineConfig.from_env({"MODEL_ALIASES": aliases})


@pytest.mark.parametrize(
    "aliases", ["gpt-4o", "gpt-4o  gpt-4o-mini=smollm2-135m-instruct", "ft:gpt-4o:acme:x:12345678"]
)
def test_names_and_pairs_are_aliases(aliases: str) -> None:
    assert EngineConfig.from_env({"MODEL_ALIASES": aliases}).model_aliases == aliases


def test_a_context_that_no_model_has_is_refused() -> None:
    with pytest.raises(WrongSetting, match="CONTEXT_TOKENS is '131073', but must be from 64 to 131072"):
        EngineConfig.from_env({"CONTEXT_TOKENS": "131073"})
    assert EngineConfig.from_env({"CONTEXT_TOKENS": "131072"}).context_tokens == 131072


@pytest.mark.parametrize("key", ["sk-schlüssel", "sk-a\nb", "sk-a\x00b"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(WrongSetting, match="OPENAI_API_KEY") as wrong:
        ServiceConfig.from_env({"OPENAI_API_KEY": key})
    assert key not in str(wrong.value)


@pytest.mark.parametrize("name", ["OPENAI_ORG_ID", "OPENAI_PROJECT_ID"])
def test_an_id_that_no_header_can_carry_is_refused(name: str) -> None:
    with pytest.raises(WrongSetting, match=f"{name} is '组织'"):
        ServiceConfig.from_env({name: "组织"})


@pytest.mark.parametrize(
    ("environment", "embedded"),
    [
        ({}, True),
        ({"OPENAI_API_KEY": ""}, True),
        ({"OPENAI_API_KEY": "  "}, True),
        ({"OPENAI_API_KEY": "sk-x"}, False),
        ({"OPENAI_BASE_URL": "http://gpu-box:9528/v1"}, False),
    ],
)
def test_the_embedded_engine_is_the_upstream_when_no_other_is_named(
    environment: dict[str, str], embedded: bool
) -> None:
    assert ServiceConfig.from_env(environment).embedded is embedded


def test_a_configuration_that_is_printed_does_not_show_the_key() -> None:
    assert "sk-secret" not in repr(ServiceConfig(openai_api_key="sk-secret"))


def test_an_empty_setting_is_its_default() -> None:
    assert ServiceConfig.from_env({"PORT": "", "DEFAULT_MODEL": " "}) == ServiceConfig()


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.environment.PROJECT_ROOT", tmp_path)
    monkeypatch.setattr(os, "environ", {"PORT": "1234"})
    (tmp_path / ".env").write_text("PORT=1\nTHREADS=7\nDEFAULT_MODEL=模型\n", "utf-8")
    config = ServiceConfig.from_env()
    assert (config.port, config.threads, config.default_model) == (1234, 7, "模型")


def test_a_file_in_another_encoding_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.environment.PROJECT_ROOT", tmp_path)
    (tmp_path / ".env").write_bytes("# 端口\nPORT=1\n".encode("gb18030"))
    with pytest.raises(WrongSetting, match="UTF-8"):
        ServiceConfig.from_env()


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ('PORT=1\n\nOPENAI_API_KEY="sk-abc\n', 3, "OPENAI_API_KEY"),
        ("# a comment\nPORT 1234\nTHREADS=7\n", 2, "PORT"),
        ("PORT\n", 1, "PORT"),
        ("export HOST='::1\n", 1, "HOST"),
    ],
)
def test_a_line_of_the_file_that_cannot_be_read_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, line: int, word: str
) -> None:
    monkeypatch.setattr("config.environment.PROJECT_ROOT", tmp_path)
    (tmp_path / ".env").write_text(text)
    with pytest.raises(WrongSetting, match=rf"^Line {line} of \.env \('{word}\.\.\.'\) cannot be read") as wrong:
        ServiceConfig.from_env()
    assert "sk-abc" not in str(wrong.value)


def test_a_name_in_the_file_that_is_nearly_a_setting_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.environment.PROJECT_ROOT", tmp_path)
    (tmp_path / ".env").write_text("DEFUALT_MODEL=m\nport=1\nOPENAI_KEY=\nPORT=2\nDB_PORT=3\nEDITOR=ed\nUSER_AGENT\n")
    assert misspelt_names() == [
        ".env sets DEFUALT_MODEL, which is no setting. Did you mean DEFAULT_MODEL?",
        ".env sets port, which is no setting. Did you mean PORT?",
        ".env sets OPENAI_KEY, which is no setting. Did you mean OPENAI_API_KEY?",
    ]
    assert ServiceConfig.from_env().port == 2


def test_a_folder_called_as_the_file_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("config.environment.PROJECT_ROOT", tmp_path)
    (tmp_path / ".env").mkdir()
    monkeypatch.setattr(os, "environ", {})
    assert ServiceConfig.from_env() == ServiceConfig()


@pytest.mark.parametrize("hosts", ["http://127.0.0.1:8000", "127.0.0.1, 10.0.0.1", "10.0.0.0/8", "a:b", "::1", "*"])
def test_what_is_no_list_of_hosts_is_refused(hosts: str) -> None:
    with pytest.raises(WrongSetting, match=r"^WEBHOOK_ALLOWED_HOSTS is '.*', but must be hosts or host:port"):
        EngineConfig.from_env({"WEBHOOK_ALLOWED_HOSTS": hosts})


@pytest.mark.parametrize("hosts", ["127.0.0.1:8000", "[::1]:8443 hooks.lan  10.0.0.1"])
def test_hosts_with_and_without_a_port_may_be_allowed(hosts: str) -> None:
    assert EngineConfig.from_env({"WEBHOOK_ALLOWED_HOSTS": hosts}).webhook_allowed_hosts == hosts


@pytest.mark.parametrize(
    "url", ["postgresql://u:secret@h/d", "mysql://u:secret@h/d", "postgresql+psycopg://u:secret@h/d x"]
)
def test_a_database_that_the_engine_does_not_speak_to_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(WrongSetting, match=r"DATABASE_URL must be postgresql\+psycopg://") as wrong:
        EngineConfig.from_env({"DATABASE_URL": url})
    assert "secret" not in str(wrong.value)


def test_the_password_of_the_database_is_not_shown() -> None:
    url = "postgresql+psycopg://u:secret@h/d"
    config = EngineConfig.from_env({"DATABASE_URL": url})
    assert config.database == url
    assert "secret" not in repr(config)
    assert EngineConfig(data_dir=Path("d")).database == Path("d/engine.sqlite3")
