"""What messages name of a URL, and secrets from the environment."""

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from rivulet.urls import URLError, escape_credentials, public_name, with_secrets

PASSWORDS = ["pa/ss", "pa?ss", "pa#ss", "pa@ss", "pa:ss", "p@a:s/s", "/", "?", "#", "@", ":", "%"]


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("host", ["HOST", "HOST:3306", "h1:1,h2:2"])
def test_a_password_with_any_character_is_hidden(password: str, host: str) -> None:
    url = f"mysql+pymysql://u:{password}@{host}/db?charset=utf8"
    assert public_name(url) == f"mysql+pymysql://u:***@{host}/db"
    assert public_name(url, show_user=False) == f"mysql+pymysql://{host}/db"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("rivulet.db", "rivulet.db"),
        ("data/file-?.csv", "data/file-?.csv"),
        ("data/a@b.csv", "data/a@b.csv"),
        ("sqlite:////data/a@b:c@d.db?timeout=60", "sqlite:////data/a@b:c@d.db"),
        ("s3://bucket/a@b.csv", "s3://bucket/a@b.csv"),
        ("kafka://h1:9092,h2:9092/clicks", "kafka://h1:9092,h2:9092/clicks"),
        ("redis://:s3cret@h:6379/0", "redis://:***@h:6379/0"),
        ("mysql+pymysql://root@h/db", "mysql+pymysql://root@h/db"),
        ("redis://h/0?password=s3cret", "redis://h/0"),
        ("redis://h/0?password=s3@cret", "redis://h/0"),
        ("redis://h:6379/0#s3cret", "redis://h:6379/0"),
        ("mongodb://u:s3cret@h/db?authSource=s3cret#s3cret", "mongodb://u:***@h/db"),
        ("mongodb://${RIVULET_NONE}:s3cret@h/db", "mongodb://${RIVULET_NONE}:***@h/db"),
        ("redis://h:6379/0?password=s3@cret", "redis://***"),
        ("redis://u:s3cret@h:6379/0?password=s3@cret", "redis://***"),
        ("mysql+pymysql://u:s3@cret?s3cret@h/db", "mysql+pymysql://***"),
        ("u:s3cret@h/db", "u:***@h/db"),
        ("://:s3cret@h", "://:***@h"),
        ("", ""),
    ],
)
def test_names(url: str, name: str) -> None:
    assert public_name(url) == name


MARKS = st.text("/?#@:%=&.ab", max_size=6)


@given(
    before=MARKS,
    after=MARKS,
    user=st.sampled_from(["", "u", "root"]),
    query=st.sampled_from(["", "?x=y", "?p=s3cret", "?p=@s3cret", "#s3cret"]),
)
def test_no_password_is_shown_in_a_name_or_an_error(
    before: str, after: str, user: str, query: str
) -> None:
    # The middle of the password is a word of its own: it stands in for each piece.
    url = f"mysql+pymysql://{user}:{before}s3cret{after}@HOST/db{query}"
    assert "s3cret" not in public_name(url)
    said = ""
    try:
        escaped = escape_credentials(url)
    except URLError as error:
        said = str(error)
    if said:
        assert "s3cret" not in said
        assert public_name(url) in said
        return
    assert public_name(escaped) == public_name(url)
    parts = make_url(escaped)
    assert (parts.host, str(parts.database).partition("#")[0]) == ("HOST", "db")
    assert "s3cret" in str(parts.password)


@given(password=st.text(st.characters(codec="utf-8", exclude_characters="%"), min_size=1))
def test_the_drivers_password_is_the_one_that_was_written(password: str) -> None:
    escaped = escape_credentials(f"mysql+pymysql://u:{password.replace('@', '%40')}@HOST/db")
    assert unquote(escaped.partition("://u:")[2].rpartition("@")[0]) == password.replace("%40", "@")
    assert make_url(escaped).password == password


def test_escapes_stay_and_other_percent_signs_are_escaped() -> None:
    assert escape_credentials("mysql://u:a%40b%zz%@h/db") == "mysql://u:a%40b%25zz%25@h/db"


@pytest.mark.parametrize("url", ["sqlite:///rivulet.db", "redis://h/0", "mysql://h/db?a=b"])
def test_a_url_without_credentials_stays(url: str) -> None:
    assert escape_credentials(url) == url


def test_secrets_come_from_the_environment_percent_encoded() -> None:
    environment = {"P": "a@b/c:d?", "H": "h1:1,h2:2", "URL": "redis://h/0"}
    url = with_secrets("mongodb://u:${P}@${H}/db?x=${P}", environment)
    assert url == "mongodb://u:a%40b%2Fc%3Ad%3F@h1:1,h2:2/db?x=a%40b%2Fc%3Ad%3F"
    assert with_secrets("${URL}", environment) == "redis://h/0"


def test_a_missing_variable_is_named_without_the_rest() -> None:
    with pytest.raises(URLError, match="the environment variable NONE is not set") as caught:
        with_secrets("mongodb://${NONE}:s3cret@h/db", {})
    assert "s3cret" not in str(caught.value)
