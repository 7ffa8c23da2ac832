"""The store: one S3 bucket for lists, rejects and exports, read and written as streams."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from urllib3.exceptions import HTTPError

from dialer.adapters.aws import CONFIG, available
from dialer.errors import BadList, Unavailable
from dialer.list_ports import StoredFile, UploadForm

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

S3_CONFIG = CONFIG.merge(Config(read_timeout=20, signature_version="s3v4"))
"""A part of 8 MB takes longer than a message; and links are only good for every region in this signature."""
_AHEAD = 256 * 1024
_GONE = {"404", "NoSuchKey", "NotFound"}
_CSV = "text/csv; charset=utf-8"
_REMOVED_AT_ONCE = 1000


class S3Store:
    """All files of one bucket, which nobody reads without a link."""

    def __init__(self, s3: "S3Client", *, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def form(self, key: str, *, most_bytes: int, lasts: timedelta) -> UploadForm:
        form = self._s3.generate_presigned_post(
            self._bucket,
            key,
            Fields={"Content-Type": "text/csv"},
            Conditions=[{"Content-Type": "text/csv"}, ["content-length-range", 1, most_bytes]],
            ExpiresIn=_seconds(lasts),
        )
        return UploadForm(url=form["url"], fields=form["fields"])

    def origin(self) -> str:
        """As the forms and links have it; nothing is asked."""
        url = urlsplit(self._s3.generate_presigned_post(self._bucket, "none", ExpiresIn=1)["url"])
        return f"{url.scheme}://{url.netloc}"

    def link(self, key: str, *, file_name: str, lasts: timedelta) -> str:
        what = {
            "Bucket": self._bucket,
            "Key": key,
            "ResponseContentDisposition": f'attachment; filename="{file_name}"',
        }
        return self._s3.generate_presigned_url("get_object", Params=what, ExpiresIn=_seconds(lasts))

    def look(self, key: str) -> StoredFile | None:
        try:
            with available("the store"):
                head = self._s3.head_object(Bucket=self._bucket, Key=key)
        except Unavailable as wrong:
            if _code(wrong) in _GONE:
                return None
            raise
        return StoredFile(size=head["ContentLength"], version=head["ETag"])

    @contextmanager
    def reading(self, key: str, *, version: str, offset: int) -> Iterator[IO[bytes]]:
        try:
            with available("the store"):
                body = self._s3.get_object(Bucket=self._bucket, Key=key, IfMatch=version, Range=f"bytes={offset}-")[
                    "Body"
                ]
        except Unavailable as wrong:
            if _code(wrong) == "InvalidRange":  # behind its last byte
                yield io.BytesIO()
                return
            if _code(wrong) in _GONE | {"PreconditionFailed", "412"}:
                raise BadList("The file was replaced or removed while it was read: upload it as a new list.") from None
            raise
        try:
            yield io.BufferedReader(_Body(body), buffer_size=_AHEAD)
        finally:
            body.close()

    def put(self, key: str, content: bytes) -> None:
        with available("the store"):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=_CSV)

    def remove(self, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), _REMOVED_AT_ONCE):
            some = [{"Key": key} for key in keys[start : start + _REMOVED_AT_ONCE]]
            with available("the store"):
                told = self._s3.delete_objects(Bucket=self._bucket, Delete={"Objects": some, "Quiet": True})  # type: ignore[typeddict-item]
            if refused := told.get("Errors"):  # it answers 200 all the same
                codes = ", ".join(sorted({str(one.get("Code")) for one in refused}))
                raise Unavailable(f"the store has not removed {len(refused)} of {len(some)} files: {codes}")

    def begin(self, key: str) -> str:
        with available("the store"):
            return self._s3.create_multipart_upload(Bucket=self._bucket, Key=key, ContentType=_CSV)["UploadId"]

    def part(self, key: str, upload: str, *, number: int, content: bytes) -> str:
        with available("the store"):
            return self._s3.upload_part(Bucket=self._bucket, Key=key, UploadId=upload, PartNumber=number, Body=content)[
                "ETag"
            ]

    def finish(self, key: str, upload: str, *, parts: Sequence[str]) -> None:
        numbered: list[Any] = [{"PartNumber": number, "ETag": mark} for number, mark in enumerate(parts, start=1)]
        try:
            with available("the store"):
                self._s3.complete_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": numbered}
                )
        except Unavailable as wrong:
            if _code(wrong) != "NoSuchUpload" or self.look(key) is None:  # else it was finished before
                raise


class _Body(io.RawIOBase):
    """S3's answer as a stream; a connection that breaks is Unavailable, never the file's end."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        try:
            read: bytes = self._body.read(len(into))
        except (BotoCoreError, HTTPClientError, HTTPError, OSError) as broken:
            raise Unavailable(f"the store broke off ({type(broken).__name__})") from broken
        into[: len(read)] = read
        return len(read)


def _code(wrong: Unavailable) -> str:
    """What S3 said, where it said something."""
    cause = wrong.__cause__
    return str(cause.response["Error"]["Code"]) if isinstance(cause, ClientError) else ""


def _seconds(span: timedelta) -> int:
    return round(span.total_seconds())
