"""Kafka's URLs and options: what they say, what they refuse, and what they never show."""

import pytest

from rivulet.configuration import Configuration
from rivulet.settings import ArgumentParser
from sources.errors import SourceError
from sources.kafka.url import parse_url
from sources.options import KafkaSettings


def test_brokers_and_topic() -> None:
    url = parse_url("kafka://a:1,b:2/clicks")
    assert str(url) == "kafka://a:1,b:2/clicks"
    assert url.client() == {"bootstrap_servers": ["a:1", "b:2"], "security_protocol": "PLAINTEXT"}


def test_a_password_comes_from_the_environment_and_is_not_shown() -> None:
    url = parse_url("kafka://me:${SECRET}@h:1/t?sasl_mechanism=PLAIN", {}, {"SECRET": "p@s/s"})
    assert url.client()["sasl_plain_password"] == "p@s/s"  # noqa: S105
    assert url.client()["security_protocol"] == "SASL_SSL"
    assert "p@s" not in repr(url) + str(url)


@pytest.mark.parametrize("password", ["pa/ss", "p@ss", "p:a:ss", "a%2Fb", "${SECRET}"])
def test_a_password_may_hold_any_character(password: str) -> None:
    url = parse_url(f"kafka://me:{password}@h:1,i:2/t", {}, {"SECRET": "h%41/?#@"})
    expected = {"a%2Fb": "a/b", "${SECRET}": "h%41/?#@"}.get(password, password)
    assert url.client()["sasl_plain_password"] == expected
    assert url.servers == ("h:1", "i:2")


def test_the_url_goes_before_the_options() -> None:
    options = {"security_protocol": "SSL", "ssl_cafile": "a", "user": None}
    url = parse_url("kafka://h:1/t?ssl_cafile=b", options)
    assert url.client()["security_protocol"] == "SSL"
    assert url.client()["ssl_cafile"] == "b"


@pytest.mark.parametrize(
    "url",
    [
        "kafka://h:1",
        "kafka://h/t",
        "kafka://h:1/a b",
        "kafka://h:1/t?colour=red",
        "kafka://h:1/t?security_protocol=TLS",
        "kafka://h:1/t?security_protocol=SASL_SSL",
        "kafka://u:hush@h:1/t?security_protocol=SSL",
        "kafka://u:hush@h:1/t?sasl_mechanism=MAGIC",
        "kafka://u:hush@h/t",
        "kafka://u:${MISSING}@h:1/t",
        "kafka://u:hush/@h:1",
        "kafka://u:hush?x=@h:1/t",
    ],
)
def test_what_is_wrong_is_said_without_the_password(url: str) -> None:
    with pytest.raises(SourceError) as caught:
        parse_url(url, {}, {})
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "argument",
    [
        "--max_out_of_orderness=-1",
        "--idle_timeout=0",
        "--allowed_lateness=-1",
        "--kafka_refresh=0",
        "--kafka_start=yesterday",
        "--kafka_stop_at=noon",
        "--kafka_group=",
    ],
)
def test_wrong_options_are_named(argument: str, capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser(prog="reader")
    parser.add_settings(KafkaSettings)
    with pytest.raises(SystemExit):
        Configuration.read(parser, [KafkaSettings], parser.parse_args([argument]))
    (problem,) = capsys.readouterr().err.splitlines()
    assert argument.split("=")[0] in problem


def test_the_defaults_are_right() -> None:
    assert KafkaSettings().problems() == []
