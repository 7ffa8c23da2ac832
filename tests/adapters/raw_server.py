"""A server below HTTP: it takes one whole request from each connection, counts both, and then does its worst."""

import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from threading import Lock, Thread
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

PATIENCE_S = 20.0


class RawServer:
    """`then(connection)` follows each request. With a certificate it speaks TLS. Use it as a context."""

    def __init__(self, then: Callable[[socket.socket], None], *, certificate: Path | None = None) -> None:
        self.connections = self.requests = 0
        self._then = then
        self._lock = Lock()
        self._scheme = "https" if certificate else "http"
        self._tls = _server_side(certificate) if certificate else None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [Thread(target=self._accept)]

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(PATIENCE_S)
                thread = Thread(target=self._serve, args=(connection,))
                self._threads.append(thread)
                thread.start()

    def _serve(self, plain: socket.socket) -> None:
        with self._lock:
            self.connections += 1
        connection = plain
        try:
            if self._tls:
                connection = self._tls.wrap_socket(plain, server_side=True)
            if _whole_request(connection):
                with self._lock:
                    self.requests += 1
                self._then(connection)
        except OSError:
            pass
        finally:
            connection.close()


def reply(connection: socket.socket, body: bytes, *, status: str = "201 Created") -> None:
    connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body))


def break_the_record_layer(connection: socket.socket) -> None:
    """Bytes that are no TLS, beneath the encrypted connection."""
    with socket.socket(fileno=os.dup(connection.fileno())) as beneath:
        beneath.sendall(b"this is no TLS record " * 20)


def make_certificate(folder: Path) -> Path:
    """Key and certificate of 127.0.0.1 in one file, which is also what a client must trust."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    today = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "loopback.pem"
    plain, pkcs8 = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, pkcs8, plain)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def _server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def _whole_request(connection: socket.socket) -> bool:
    """Reads until the announced body has come; False where the connection ends before."""
    received = bytearray()
    while b"\r\n\r\n" not in received:
        if not (part := connection.recv(65536)):
            return False
        received += part
    head, _, body = bytes(received).partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0].partition(b":")[2]) - len(body) if lengths else 0
    while missing > 0:
        if not (part := connection.recv(missing)):
            return False
        missing -= len(part)
    return True
