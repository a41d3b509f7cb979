"""Every string a `source` may be, and that nothing else passes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.common.errors import InputError
from scenes.download.source import FORMS, Source, parse_source, parse_sources, public_url, refuse_address

slugs = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True)


@settings(max_examples=30)  # to draw a slug takes longer than to read it
@given(slugs, slugs, st.none() | st.integers(1, 10**6))
def test_kaggle_round_trip(owner, dataset, version):
    text = f"kaggle:{owner}/{dataset}" + (f"/versions/{version}" if version else "")
    source = parse_source(text)
    assert source == Source("kaggle", f"{owner}/{dataset}", version)
    assert str(source) == text


@given(st.text(st.characters(categories=["L", "N", "P", "S"], exclude_characters=":="), min_size=1))
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
        assert source.kind in ("kaggle", "file", "web", "env", "synthetic")
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
    source = parse_source("https://files.example/a.zip?download=1#part")
    assert source.place == source.url() == "https://files.example/a.zip?download=1#part"
    assert str(source) == "https://files.example/a.zip"
    assert "download" not in repr(source) + source.key
    assert public_url("https://u:p@h.example:8443/a;b?c") == "https://h.example:8443/a"


@pytest.mark.parametrize(
    "query",
    [
        "dl=1",
        "raw=true&lang=en",
        "version=3;format=zip",
        "path=%2Fflowers&files=tf_flowers-2020.zip",
        "persistentId=doi:10.7910/DVN/ABC123",
        "uuid=123e4567-e89b-12d3-a456-426614174000",
        "author=smith&keyword=cat&design=1",
        "t=1700000000000000000",
        "file=intelImageClassification2019.zip",
        "name=flowers102photosOfOxford",
        "version=20200101T000000Z",
        "export=download&id=1AbCdEfGhIjKlMnOpQrStUvWxYz012345",
        "url=https%3A%2F%2Fb.example%2Fx%3Fdl%3D1&countrycode=de",
    ],
)
def test_query_that_any_visitor_may_see(query):
    assert parse_source(f"https://files.example/a.zip?{query}").kind == "web"


@pytest.mark.parametrize("mark", ["?", "#", ";", "?dl=1&", "?dl=1;"])
@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=SECRET",
        "X-Goog-Signature=SECRET",
        "sv=2022-11-02&sr=b&sig=SECRET%3D",
        "Expires=1700000000&Signature=SECRET&Key-Pair-Id=K",
        "AWSAccessKeyId=SECRET",
        "q-signature=SECRET",
        "access_token=SECRET",
        "rlkey=SECRET&dl=1",
        "Authorization=SECRET",
        "verify=1700000000-SECRETaB3dEf6hIj9kL%3D",
        "hdnts=exp=1700000000~hmac=SECRETd41d8cd98f00b204e9800998ecf8427e",
        *(
            f"{name}=SECRET"
            for name in ("pass", "jwt", "code", "access", "sas", "hmac", "ticket", "session", "Expires")
        ),
        "url=https%3A%2F%2Fb.example%2Fx%3Fsig%3DSECRET",
        "url=https%253A%252F%252Fb.example%252Fx%253Fsig%253DSECRET",
    ],
)
def test_signed_query_is_refused_and_not_repeated(mark, query):
    with pytest.raises(InputError, match="use env:SCENES_URL") as caught:
        parse_source(f"https://files.example/a.zip{mark}{query}")
    assert "SECRET" not in str(caught.value)


def test_address_in_an_environment_variable(monkeypatch):
    source = parse_source("env:SCENES_URL")
    with pytest.raises(InputError, match="SCENES_URL is not set"):
        source.url()
    for key in (source.key, str(source), repr(source)):
        assert "https" not in key
    for url in ("https://files.example/a.zip?sig=SECRET", "http://localhost:8000/a.zip?sig=SECRET"):
        monkeypatch.setenv("SCENES_URL", url)
        assert source.url() == url
    for url in ("a.zip?SECRET", "ftp://h/SECRET", "https://u:SECRET@h/", "http://h/?SECRET", "https://h/\nSECRET"):
        monkeypatch.setenv("SCENES_URL", url)
        with pytest.raises(InputError, match=r"^the environment variable SCENES_URL") as caught:
            source.url()
        assert "SECRET" not in str(caught.value)


def test_address_where_a_path_belongs():
    addresses = ("https://h/a.zip?sig=SECRET", "HTTPS://h/SECRET", "s3://SECRET", "https:/h/SECRET", "u:SECRET@h/a.zip")
    for text in (*addresses, "h/a.zip?sig=SECRET", "h/a.zip;token=SECRET"):
        with pytest.raises(InputError, match=r"^the path: this is an address, not a path") as caught:
            refuse_address(text, "the path")
        assert "SECRET" not in str(caught.value)
    with pytest.raises(InputError, match="this is an address"):
        parse_source("file:https:/h/a.zip?sig=SECRET")


@pytest.mark.parametrize(
    "text", ["h/a.zip?sig=SECRET", "HTTPS://h/a?SECRET", "u:SECRET@h", "s3://b;sig=SECRET", "h#SECRET"]
)
def test_what_is_no_source_is_not_repeated_where_it_may_be_secret(text):
    with pytest.raises(InputError, match=r"\.\.\.' is not a source") as caught:
        parse_source(text)
    assert "SECRET" not in str(caught.value)


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
        f"https://{'x' * 64}/a.zip",
        "https://host/a b.zip",
        "ftp://host/a.zip",
        "env:",
        "env:1",
        "env:A-B",
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


def test_two_spellings_of_one_path_are_one_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "link").symlink_to("a.zip")
    for other in ("file:./a.zip", "file:b/../a.zip", "file:~/a.zip", f"file:{tmp_path}/a.zip", "file:link"):
        with pytest.raises(InputError, match=r"entries 1 and 3 of the list are the same, file:.*; remove one of them"):
            parse_sources(["file:a.zip", "kaggle:a/b", other])
    assert len(parse_sources(["file:a.zip", "file:~nobody-known/a.zip", "file:b.zip"])) == 3
