"""The webhook store, against the real receiver and against servers that misbehave."""

import base64
import ipaddress
import json
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from standardwebhooks import Webhook

from propagation.choice import Choice
from propagation.receiver import Receiver
from propagation.stores.base import ChoiceRefused, Key, Refusal, Store, StoreUnavailable
from propagation.stores.webhook import WebhookStore, is_public
from propagation.tests.contract import SECRET, StoreContract, choice
from tests.servers import free_port

KEY = "whsec_" + base64.b64encode(b"k" * 32).decode()
NEW_KEY = "whsec_" + base64.b64encode(b"n" * 32).decode()
SECRET_KEY = "whsec_" + base64.b64encode(SECRET.encode() * 2).decode()


@contextmanager
def running(server: ThreadingHTTPServer) -> Iterator[str]:
    """Serve in a thread; gives the URL."""
    thread = threading.Thread(target=server.serve_forever, args=[0.02])
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/hook?team=1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def store_at(url: str, **options: Any) -> WebhookStore:
    return WebhookStore(**{"url": url, "secrets": [KEY], "allow_private": True, **options})


class TestWebhookContract(StoreContract):
    bad_options: ClassVar = [
        {"url": "http://example.org/"},
        {"url": "ftp://example.org/"},
        {"url": "https://"},
        {"url": "example.org"},
        {"url": f"https://u:{SECRET}@example.org/"},
        {"url": f"https://[{SECRET}/"},
        {"url": "https://example.org:99999/"},
        {"url": "https://example.org/a b"},
        {"url": "https://exämple.org/"},
        {"url": None},
        {"secrets": []},
        {"secrets": KEY},
        {"secrets": [SECRET]},
        {"secrets": [f"whsec_{SECRET}"]},
        {"secrets": ["whsec_" + base64.b64encode(b"short").decode()]},
        {"secrets": [None]},
        {"timeout": 0},
        {"ca_file": "/nonexistent.pem"},
    ]

    def make(self, **options: Any) -> WebhookStore:
        return WebhookStore(**{"url": "https://example.org/", "secrets": [KEY], **options})

    @pytest.fixture
    def receiver(self, tmp_path: Path) -> Receiver:
        return Receiver("127.0.0.1", 0, KEY, tmp_path / "received.db")

    @pytest.fixture
    def store(self, receiver: Receiver) -> Iterator[WebhookStore]:
        with running(receiver) as url:
            self.path = receiver.path
            yield store_at(url)

    @pytest.fixture
    def unreachable(self) -> WebhookStore:
        return store_at(f"http://127.0.0.1:{free_port()}/{SECRET}", secrets=[SECRET_KEY])

    def held(self, store: Store, keys: Iterable[Key]) -> Mapping[Key, Choice]:
        with sqlite3.connect(self.path) as database:
            rows = database.execute("SELECT * FROM choices").fetchall()
        found = [Choice(*row[:4], datetime.fromisoformat(row[4])) for row in rows]
        wanted = set(keys)
        return {c.key: c for c in found if c.key in wanted}

    def test_refused_choices_are_named_and_the_others_taken(
        self, store: WebhookStore, ref: str
    ) -> None:
        bad = [choice("x" * 256), choice("\ud800"), choice(f"{ref}\0")]
        with pytest.raises(ChoiceRefused) as caught:
            store.write([*bad, choice(ref)])
        assert [(r.member_ref, r.purpose) for r in caught.value.refusals] == [b.key for b in bad]
        self.assert_holds(store, [choice(ref)])

    def test_a_thousand_refusals_fit_into_an_answer(self, store: WebhookStore, ref: str) -> None:
        batch = [choice(f"{ref}-{n}-{'Ω' * 200}", "perhaps") for n in range(1000)]
        with pytest.raises(ChoiceRefused) as caught:
            store.write(batch)
        assert len(caught.value.refusals) == 1000

    def test_a_receiver_with_another_secret(self, store: WebhookStore, receiver: Receiver) -> None:
        other = store_at(f"http://127.0.0.1:{receiver.server_address[1]}/", secrets=[NEW_KEY])
        with pytest.raises(StoreUnavailable, match="answered 401"):
            other.check()
        store_at(f"http://127.0.0.1:{receiver.server_address[1]}/", secrets=[NEW_KEY, KEY]).check()


class Recorder(ThreadingHTTPServer):
    """Keeps what it was sent and answers as it is told."""

    daemon_threads = True

    def __init__(self, answer: Callable[[BaseHTTPRequestHandler], None]) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self.server.requests.append((self.path, dict(self.headers), body))
                answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, *args: Any) -> None:
        pass


def answering(status: int, body: bytes = b"", **headers: str) -> Recorder:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return Recorder(answer)


def refused_by(server: ThreadingHTTPServer, **options: Any) -> StoreUnavailable:
    with running(server) as url, pytest.raises(StoreUnavailable) as caught:
        store_at(url, **options).write([choice("m1"), choice("m2")])
    assert "team=1" not in str(caught.value)
    return caught.value


class TestWhatIsSent:
    def test_the_public_package_accepts_it_with_either_secret(self) -> None:
        server = answering(204)
        with running(server) as url:
            store_at(url, secrets=[NEW_KEY, KEY]).write([choice("m-Ω", "allowed", 3)])
        path, headers, body = server.requests[0]
        assert path == "/hook?team=1"
        for secret in (KEY, NEW_KEY):
            message = Webhook(secret).verify(body, headers)
        assert message == {
            "type": "choices.changed",
            "timestamp": "2026-03-01T12:03:00.123456+00:00",
            "data": {
                "choices": [
                    {
                        "member_ref": "m-Ω",
                        "purpose": "genai-training",
                        "decision": "allowed",
                        "revision": 3,
                        "changed_at": "2026-03-01T12:03:00.123456+00:00",
                    }
                ]
            },
        }

    def test_a_batch_that_comes_again_has_the_same_id(self) -> None:
        server = answering(204)
        with running(server) as url:
            for batch in ([choice("a"), choice("b")], [choice("a"), choice("b")], [choice("a")]):
                store_at(url).write(batch)
        first, again, other = [headers["webhook-id"] for _, headers, _ in server.requests]
        assert first == again != other

    def test_check_sends_no_choices(self) -> None:
        server = answering(200)
        with running(server) as url:
            store_at(url).check()
        _, headers, body = server.requests[0]
        assert Webhook(KEY).verify(body, headers)["data"] == {"choices": []}


class TestWhatIsAnswered:
    @pytest.mark.parametrize("server", [(200, b""), (201, b" \n"), (202, b'{"refused": []}')])
    def test_taken(self, server: tuple[int, bytes]) -> None:
        with running(answering(*server)) as url:
            store_at(url).write([choice("m1")])

    def test_one_is_refused(self) -> None:
        item = {"member_ref": "m2", "purpose": "genai-training", "reason": "no\x1b[2Jsuch" * 50}
        with (
            running(answering(200, json.dumps({"refused": [item]}).encode())) as url,
            pytest.raises(ChoiceRefused) as caught,
        ):
            store_at(url).write([choice("m1"), choice("m2")])
        reason = ("no [2Jsuch" * 50)[:200]
        assert caught.value.refusals == (Refusal("m2", "genai-training", reason),)

    @pytest.mark.parametrize(
        "body",
        [
            b"ok",
            b"<html>We are down for maintenance</html>",
            b"{}",
            b"[]",
            b"null",
            b'{"status": "ok"}',
            b'{"refused": [], "accepted": 2}',
            b'{"refused": null}',
            b'{"refused": ["m1"]}',
            b'{"refused": [{"member_ref": "m1", "purpose": "genai-training"}]}',
            b'{"refused": [{"member_ref": 1, "purpose": "p", "reason": "r"}]}',
            b'{"refused": [{"member_ref": "m1", "purpose": "other", "reason": "r"}]}',
            b'{"refused": [{"member_ref": "m9", "purpose": "genai-training", "reason": "r"}]}',
            b"\xff\xfe",
            b"[" * 60_000,
        ],
    )
    def test_what_is_not_understood_confirms_nothing(self, body: bytes) -> None:
        assert "answered 200, but" in str(refused_by(answering(200, body)))

    @pytest.mark.parametrize("status", [400, 401, 404, 410, 413, 429, 500, 502, 503])
    def test_errors(self, status: int) -> None:
        error = refused_by(answering(status))
        assert f"answered {status}" in str(error)
        assert error.retry_after is None

    @pytest.mark.parametrize("status", [429, 503])
    @pytest.mark.parametrize(
        ("header", "expected"),
        [("17", 17), ("0", 0), ("9" * 400, 3600), ("-5", None), ("soon", None), ("", None)],
    )
    def test_retry_after_in_seconds(self, status: int, header: str, expected: float | None) -> None:
        assert refused_by(answering(status, Retry_After=header)).retry_after == expected

    @pytest.mark.parametrize(("seconds", "at_most"), [(90, 90), (-90, 0), (10**6, 3600)])
    def test_retry_after_as_a_date(self, seconds: int, at_most: float) -> None:
        moment = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        wait = refused_by(answering(503, Retry_After=moment)).retry_after
        assert wait is not None
        assert at_most - 5 <= wait <= at_most

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_are_not_followed(self, status: int) -> None:
        target = answering(204)
        with running(target) as elsewhere:
            error = refused_by(answering(status, Location=elsewhere))
        assert "redirect" in str(error)
        assert target.requests == []


class TestBadConnections:
    def test_a_body_that_never_ends(self) -> None:
        def flood(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            while True:
                handler.wfile.write(b"x" * 65536)

        assert "larger than" in str(refused_by(Recorder(flood)))

    def test_headers_that_never_end(self) -> None:
        def flood(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                handler.wfile.write(b"X-Padding: " + b"x" * 1000 + b"\r\n")

        refused_by(Recorder(flood))

    @pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
    def test_a_slow_drip_ends_at_the_deadline(self, start: bytes) -> None:
        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(start)
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 200:
                handler.wfile.write(bytes([byte]))
                time.sleep(0.1)

        began = time.monotonic()
        assert "within 0.6 s" in str(refused_by(Recorder(drip), timeout=0.6))
        assert time.monotonic() - began < 3

    def test_a_reader_that_does_not_read(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            store = store_at(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.5)
            began = time.monotonic()
            with pytest.raises(StoreUnavailable, match="within"):
                store.write([choice(f"{n}-{'x' * 200}") for n in range(50_000)])
            assert time.monotonic() - began < 5

    def test_a_reset(self) -> None:
        def reset(handler: BaseHTTPRequestHandler) -> None:
            linger_for_nothing = b"\x01\0\0\0\0\0\0\0"
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_nothing)
            handler.connection.close()

        refused_by(Recorder(reset))

    def test_a_body_shorter_than_announced(self) -> None:
        refused_by(answering(200, b"", Content_Length="50"))

    def test_no_http_at_all(self) -> None:
        refused_by(Recorder(lambda handler: handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")))

    def test_a_server_without_tls(self) -> None:
        server = answering(204)
        with running(server) as url:
            store = store_at(url.replace("http://", "https://"))
            with pytest.raises(StoreUnavailable):
                store.write([choice("m1")])
        assert server.requests == []


class TestTls:
    @pytest.fixture
    def server(self, tmp_path: Path) -> Recorder:
        """Shows a certificate for localhost, which lies in ``tmp_path``."""
        server = answering(204)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*_self_signed(tmp_path))
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        return server

    def test_trusted(self, server: Recorder, tmp_path: Path) -> None:
        with running(server) as url:
            at_localhost = url.replace("http://127.0.0.1", "https://localhost")
            store_at(at_localhost, ca_file=str(tmp_path / "cert.pem")).write([choice("m1")])
        assert len(server.requests) == 1

    def test_not_trusted(self, server: Recorder) -> None:
        with running(server) as url, pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY"):
            store_at(url.replace("http://127.0.0.1", "https://localhost")).check()
        assert server.requests == []

    def test_another_name(self, server: Recorder, tmp_path: Path) -> None:
        with running(server) as url, pytest.raises(StoreUnavailable, match="CERTIFICATE_VERIFY"):
            store_at(url.replace("http:", "https:"), ca_file=str(tmp_path / "cert.pem")).check()
        assert server.requests == []


def _self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (folder / "cert.pem").write_bytes(certificate.public_bytes(encoding))
    (folder / "key.pem").write_bytes(key.private_bytes(encoding, form, plain))
    return folder / "cert.pem", folder / "key.pem"


PRIVATE = """
    127.0.0.1 127.8.8.8 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254
    100.64.0.1 192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 192.88.99.1 224.0.0.1
    239.1.1.1 240.0.0.1 255.255.255.255
    :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 fe80::1 fe80::1%2 fec0::1
    fc00::1 fd12:3456::1 ff02::1 2001:db8::1 2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2
    2002:7f00:1:: 2002:a00:1:: 2002:c0a8:101::1 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1
    64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 3fff::1 5f00::1 4000::1
"""
PUBLIC = "93.184.215.14 8.8.8.8 2606:2800:21f::1 ::ffff:8.8.8.8 2002:808:808::1 64:ff9b::808:808"


class TestWhereItIsSent:
    @pytest.mark.parametrize("address", PRIVATE.split())
    def test_not_public(self, address: str) -> None:
        assert not is_public(ipaddress.ip_address(address))

    @pytest.mark.parametrize("address", PUBLIC.split())
    def test_public(self, address: str) -> None:
        assert is_public(ipaddress.ip_address(address))

    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0"],
    )
    def test_private_hosts_are_refused(self, host: str) -> None:
        store = WebhookStore(f"https://{host}:{free_port()}/", [KEY], timeout=2)
        with pytest.raises(StoreUnavailable, match="not public"):
            store.write([choice("m1")])

    def test_one_private_address_among_public_ones_is_enough(self, names: "Names") -> None:
        names.answers = [["93.184.215.14", "10.0.0.1"]]
        with pytest.raises(StoreUnavailable, match="not public"):
            WebhookStore("https://mixed.test/", [KEY]).write([choice("m1")])
        assert names.connected == []

    def test_a_name_that_changes_its_address_is_asked_once(self, names: "Names") -> None:
        """DNS rebinding: public when checked, private when connecting."""
        names.answers = [["93.184.215.14"], ["127.0.0.1"], ["127.0.0.1"]]
        with pytest.raises(StoreUnavailable, match="recorded"):
            WebhookStore("https://rebind.test/", [KEY]).write([choice("m1")])
        assert names.asked == ["rebind.test"]
        assert names.connected == ["93.184.215.14"]

    def test_each_request_is_checked_anew(self, names: "Names") -> None:
        names.answers = [["93.184.215.14"], ["127.0.0.1"]]
        store = WebhookStore("https://rebind.test/", [KEY])
        with pytest.raises(StoreUnavailable, match="recorded"):
            store.write([choice("m1")])
        with pytest.raises(StoreUnavailable, match="not public"):
            store.write([choice("m1")])
        assert names.connected == ["93.184.215.14"]

    def test_a_name_that_is_unknown(self, names: "Names") -> None:
        names.answers = [[]]
        with pytest.raises(StoreUnavailable):
            WebhookStore("https://unknown.test/", [KEY]).check()
        with pytest.raises(StoreUnavailable):
            WebhookStore(f"https://{'a' * 70}.test/", [KEY]).check()

    def test_other_addresses_are_tried_when_the_first_is_down(self, names: "Names") -> None:
        server = answering(204)
        port = server.server_address[1]
        names.answers = [["127.0.0.2", "127.0.0.1"]]
        names.pass_on = True
        with running(server):
            store_at(f"http://two.test:{port}/").write([choice("m1")])
        assert names.connected == ["127.0.0.2", "127.0.0.1"]


class Names:
    """A resolver that gives one answer after the other, and a record of connections."""

    def __init__(self) -> None:
        self.answers: list[list[str]] = []
        self.asked: list[str] = []
        self.connected: list[str] = []
        self.pass_on = False

    def look_up(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        with_numbers = _is_number(host)
        if with_numbers or not host.endswith(".test") or len(host) > 68:
            return self.real_look_up(host, port, *args, **kwargs)
        self.asked.append(host)
        addresses = self.answers.pop(0)
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    def connect(self, address: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
        self.connected.append(address[0])
        if not self.pass_on:
            raise ConnectionRefusedError("recorded")
        return self.real_connect(address, *args, **kwargs)

    real_look_up = staticmethod(socket.getaddrinfo)
    real_connect = staticmethod(socket.create_connection)


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    names = Names()
    monkeypatch.setattr(socket, "getaddrinfo", names.look_up)
    monkeypatch.setattr(socket, "create_connection", names.connect)
    return names
