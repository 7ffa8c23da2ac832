"""The store on MiniStack's S3: what a stranger may and may not do, and streams that say when they were broken off."""

import secrets
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from dialer.adapters.store import S3Store
from dialer.errors import BadList, Unavailable
from dialer.list_ports import UploadForm
from tests.adapters.aws import client
from tests.adapters.raw_server import RawServer, reply

HOUR = timedelta(hours=1)
CSV = b"phone,name\r\n+12015550123,Ada\r\n"


@pytest.fixture(scope="module")
def s3(ministack: str) -> Any:
    return client("s3", ministack, signature_version="s3v4", read_timeout=20)


@pytest.fixture
def store(s3: Any) -> S3Store:
    bucket = f"store-{secrets.token_hex(4)}"
    s3.create_bucket(Bucket=bucket)
    return S3Store(s3, bucket=bucket)


def posted(form: UploadForm, content: bytes, **fields: str) -> int:
    """What an ordinary HTTP client gets for the form; the file comes last, as S3 wants it."""
    parts = [_part(name, value.encode()) for name, value in {**form.fields, **fields}.items()]
    body = b"".join([*parts, _part("file", content, file="list.csv"), b"--edge--\r\n"])
    wanted = urllib.request.Request(form.url, body, {"Content-Type": "multipart/form-data; boundary=edge"})
    try:
        with urllib.request.urlopen(wanted, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def _part(name: str, value: bytes, *, file: str = "") -> bytes:
    named = f'name="{name}"' + (f'; filename="{file}"' if file else "")
    return f"--edge\r\nContent-Disposition: form-data; {named}\r\n\r\n".encode() + value + b"\r\n"


def fetched(url: str) -> tuple[bytes, Mapping[str, str]]:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read(), dict(answer.headers)


def test_a_form_puts_one_file_into_its_place_and_a_link_fetches_it(store: S3Store) -> None:
    assert posted(store.form("lists/c/l.csv", most_bytes=1000, lasts=HOUR), CSV) == 204
    stored = store.look("lists/c/l.csv")
    assert stored is not None
    assert stored.size == len(CSV)
    content, headers = fetched(store.link("lists/c/l.csv", file_name="mine.csv", lasts=HOUR))
    assert content == CSV
    assert 'filename="mine.csv"' in headers["Content-Disposition"]


def test_a_form_takes_no_more_than_it_says_nor_another_place_nor_after_its_time(store: S3Store) -> None:
    form = store.form("lists/c/l.csv", most_bytes=len(CSV), lasts=HOUR)
    assert posted(form, CSV + b"x") == 400
    assert posted(form, CSV, key="lists/c/other.csv") == 403
    assert posted(store.form("lists/c/l.csv", most_bytes=1000, lasts=timedelta(seconds=-1)), CSV) == 403
    assert store.look("lists/c/l.csv") is None
    assert store.look("lists/c/other.csv") is None


def test_a_link_is_for_one_file_and_its_time(store: S3Store) -> None:
    store.put("exports/c/1.csv", CSV)
    store.put("exports/c/2.csv", CSV)
    link = store.link("exports/c/1.csv", file_name="1.csv", lasts=HOUR)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        fetched(link.replace("1.csv", "2.csv"))


def test_a_file_is_read_from_any_offset_and_behind_its_end_there_is_nothing(store: S3Store) -> None:
    store.put("lists/c/l.csv", CSV)
    stored = store.look("lists/c/l.csv")
    assert stored is not None
    for offset in (0, 5, len(CSV), len(CSV) + 9):
        with store.reading("lists/c/l.csv", version=stored.version, offset=offset) as stream:
            assert stream.read() == CSV[offset:]


def test_a_file_that_was_replaced_or_removed_is_not_read_on(store: S3Store) -> None:
    store.put("lists/c/l.csv", CSV)
    stored = store.look("lists/c/l.csv")
    assert stored is not None
    store.put("lists/c/l.csv", CSV + CSV)
    for _ in ("replaced", "removed"):
        with (
            pytest.raises(BadList, match="replaced or removed while it was read"),
            store.reading("lists/c/l.csv", version=stored.version, offset=3),
        ):
            pass
        store.remove(["lists/c/l.csv"])


def test_a_file_in_parts_is_whole_once_it_is_finished_and_finishing_again_is_harmless(store: S3Store) -> None:
    big, key = bytes(range(256)) * (5 * 4096), "exports/c/e.csv"  # 5 MB, the least S3 takes for a part but the last
    upload = store.begin(key)
    store.part(key, upload, number=1, content=b"an older first part")
    marks = [store.part(key, upload, number=1, content=big), store.part(key, upload, number=2, content=CSV)]
    assert store.look(key) is None
    store.finish(key, upload, parts=marks)
    store.finish(key, upload, parts=marks)
    found = store.look(key)
    assert found is not None
    assert found.size == len(big) + len(CSV)
    with store.reading(key, version=found.version, offset=len(big)) as stream:
        assert stream.read() == CSV


def test_a_file_that_was_never_begun_cannot_be_finished(store: S3Store) -> None:
    with pytest.raises(Unavailable):
        store.finish("exports/c/e.csv", "nonsense", parts=['"x"'])


def test_files_are_removed_and_those_that_are_not_there_are_no_matter(store: S3Store) -> None:
    store.put("rejects/c/1", CSV)
    store.remove(["rejects/c/1", "rejects/c/2"])
    store.remove([])
    assert store.look("rejects/c/1") is None


def test_a_store_that_has_removed_only_some_is_not_believed() -> None:
    """S3 answers 200 all the same."""
    told = b"<DeleteResult><Error><Key>lists/c/2</Key><Code>SlowDown</Code></Error></DeleteResult>"
    with RawServer(lambda connection: reply(connection, told, status="200 OK")) as server:
        store = S3Store(client("s3", server.url), bucket="any-bucket")
        with pytest.raises(Unavailable, match=r"^the store has not removed 1 of 2 files: SlowDown$"):
            store.remove(["lists/c/1", "lists/c/2"])


def test_a_stream_that_breaks_off_is_not_the_end_of_the_file() -> None:
    """Half of what was promised, and then nothing: a list that ended there would have lost its rows."""
    head = b'HTTP/1.1 206 Partial Content\r\nContent-Length: 1000\r\nETag: "x"\r\n\r\n'
    with RawServer(lambda connection: connection.sendall(head + b"phone\r\n" * 20)) as server:
        store = S3Store(client("s3", server.url), bucket="any-bucket")
        with store.reading("lists/c/l.csv", version='"x"', offset=0) as stream, pytest.raises(Unavailable):
            stream.read()
