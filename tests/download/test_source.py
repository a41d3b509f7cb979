"""Every string a `source` may be, and that nothing else passes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.download.source import FORMS, Source, parse_source, public_url

slugs = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True)


@settings(max_examples=30)  # to draw a slug takes longer than to read it
@given(slugs, slugs, st.none() | st.integers(1, 10**6))
def test_kaggle_round_trip(owner, dataset, version):
    text = f"kaggle:{owner}/{dataset}" + (f"/versions/{version}" if version else "")
    source = parse_source(text)
    assert source == Source("kaggle", f"{owner}/{dataset}", version)
    assert str(source) == text


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1))
def test_file_takes_any_printable_path(path):
    assert parse_source(f"file:{path}") == Source("file", path)


@given(
    st.text() | st.text().map("kaggle:".__add__) | st.text().map("https://".__add__) | st.text().map("file:".__add__)
)
def test_any_text_is_understood_or_refused_in_one_sentence(text):
    try:
        source = parse_source(text, "profiles.x.source")
    except InputError as error:
        assert str(error).startswith("profiles.x.source: ")
        assert "\n" not in str(error)
    else:
        assert source.kind in ("kaggle", "file", "web", "synthetic")
        assert parse_source(text) == source
        assert len(source.key) == 16


@given(
    st.from_regex(r"[a-z0-9]{8,20}", fullmatch=True), st.sampled_from(["https://u:{}@h.example/a", "ftp://u:{}@h/a"])
)
def test_password_is_refused_and_not_repeated(password, form):
    with pytest.raises(InputError) as caught:
        parse_source(form.format(password))
    assert password not in str(caught.value)


def test_query_is_kept_but_never_shown():
    source = parse_source("https://files.example/a.zip?signature=abc#part")
    assert source.place == "https://files.example/a.zip?signature=abc#part"
    assert str(source) == "https://files.example/a.zip"
    assert "abc" not in repr(source) + source.key
    assert public_url("https://u:p@h.example:8443/a?b") == "https://h.example:8443/a"


def test_synthetic():
    assert parse_source("synthetic") == Source("synthetic")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "127.8.8.8", "[::1]:80"])
def test_plain_http_on_this_machine(host):
    assert parse_source(f"http://{host}/a.zip").kind == "web"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "archive.zip",
        "Synthetic",
        "synthetic ",
        "kaggle:",
        "kaggle:owner",
        "kaggle:owner/",
        "kaggle:/dataset",
        "kaggle:owner/data set",
        "kaggle:owner/../x",
        "kaggle:owner/dataset/3",
        "kaggle:owner/dataset/versions/0",
        "kaggle:owner/dataset/versions/latest",
        "kaggle:owner/dataset\n",
        "file:",
        "file:  ",
        "file:a\0b",
        "http://example.com/a.zip",
        "http://127.0.0.1.example.com/a.zip",
        "http://localhost@example.com/a.zip",
        "https://",
        "https:///a.zip",
        "https://host:99999/a.zip",
        "https://[::1/a.zip",
        "https://host/a b.zip",
        "ftp://host/a.zip",
        None,
        7,
    ],
)
def test_refused(text):
    with pytest.raises(InputError, match=r"^source: "):
        parse_source(text)


def test_refusal_names_the_forms():
    with pytest.raises(InputError) as caught:
        parse_source("archive.zip", "profiles.intel.source")
    assert str(caught.value) == f"profiles.intel.source: 'archive.zip' is not a source; use {FORMS}"


def test_key_tells_versions_apart():
    keys = {parse_source(f"kaggle:a/b{version}").key for version in ("", "/versions/1", "/versions/2")}
    assert len(keys) == 3
