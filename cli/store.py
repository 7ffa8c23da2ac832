"""The store: files go there and come from there by links that the API gave, in one stream, whatever their size."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import requests
from urllib3.filepost import encode_multipart_formdata

from cli.client import Json
from cli.errors import Misused, Refused, Unreachable

_CONNECT_S, _READ_S = 5, 120
_PIECE = 1 << 20


def opened(file: Path) -> BinaryIO:
    """Raises Misused, also for a pipe."""
    try:
        content = file.open("rb")
    except OSError as cause:
        raise Misused(f"{file} cannot be read: {cause.strerror}.") from None
    if content.seekable():
        return content
    content.close()
    raise Misused(f"{file} is a pipe, and the store has to know how long a list is: write it into a file first.")


def check_place(file: Path) -> None:
    """Raises Misused where no file can be, before anybody is asked for what would go there."""
    if file.is_dir():
        raise Misused(f"{file} cannot be written: it is a folder. Name a file in it.")
    if not file.parent.is_dir():
        raise Misused(f"{file} cannot be written: there is no folder {file.parent}.")


def put(form: Json, content: BinaryIO, *, on_bytes: Callable[[int], object]) -> None:
    """Raises Refused where the store does not take it: too large, or too late."""
    body = _Form(form["fields"], content, on_bytes)
    try:
        reply = requests.post(
            form["url"], data=body, headers={"Content-Type": body.content_type}, timeout=(_CONNECT_S, _READ_S)
        )
    except requests.RequestException as cause:
        raise Unreachable(f"The store does not answer ({type(cause).__name__}): upload it again.") from None
    if not reply.ok:
        raise Refused(f"The store does not take it (HTTP {reply.status_code}): upload it again.")


def fetch(link: str, file: Path) -> None:
    """Whole or not at all."""
    arriving = file.with_name(f".{file.name}.part")
    try:
        with requests.get(link, stream=True, timeout=(_CONNECT_S, _READ_S)) as reply, arriving.open("wb") as out:
            reply.raise_for_status()
            for piece in reply.iter_content(_PIECE):
                out.write(piece)
        arriving.rename(file)
    except requests.RequestException as cause:
        _removed(arriving)
        raise Unreachable(f"The store does not give the file ({type(cause).__name__}): ask for it again.") from None
    except OSError as cause:
        _removed(arriving)
        raise Misused(f"{file} cannot be written: {cause.strerror}.") from None


def _removed(file: Path) -> None:
    """Where nothing could be written there may be nothing that can be removed either."""
    with suppress(OSError):
        file.unlink()


class _Form:
    """The fields, then the file, then the end: read piece by piece, so that a list of any length needs no memory."""

    def __init__(self, fields: dict[str, str], content: BinaryIO, on_bytes: Callable[[int], object]) -> None:
        whole, self.content_type = encode_multipart_formdata([*fields.items(), ("file", ("list.csv", b"", "text/csv"))])
        edge = self.content_type.partition("boundary=")[2]
        self._end = f"\r\n--{edge}--\r\n".encode()
        self._head, self._content, self._on_bytes = whole.removesuffix(self._end), content, on_bytes
        self._length = len(whole) + content.seek(0, 2)
        content.seek(0)

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        head, self._head = self._head, b""
        if head:
            return head
        piece = self._content.read(_PIECE if size < 0 else size)
        self._on_bytes(len(piece))
        if piece:
            return piece
        end, self._end = self._end, b""
        return end
