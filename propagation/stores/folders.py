"""Folders of files, local or in S3, with one operation that others cannot get between: `replace`.

Files are written once and whole; a file that is replaced is so for whoever still has the version
that they read, and for nobody else.
"""

import fcntl
import hashlib
import io
import os
import re
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from propagation.stores.base import StoreMisconfigured, StoreUnavailable
from propagation.stores.optional import needed_packages
from propagation.stores.process import OfThisProcess, refuse_after_fork

with needed_packages():
    import obstore
    from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
    from obstore.store import S3Store

READ_AHEAD = 1 << 20
RETRIES = 2  # of a request that failed on the way

type Version = str


@dataclass(frozen=True, slots=True)
class S3Options:
    """How to reach S3; what is None comes from the environment (``AWS_…``) or the machine's role.

    ``endpoint`` is the URL of a server other than Amazon's. ``timeout`` is in seconds and holds for
    one request.
    """

    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = None
    timeout: float = 10.0

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> "S3Options":
        """Take out of ``options`` what belongs to S3. Raises `StoreMisconfigured`."""
        names = {field.name for field in fields(cls)} & options.keys()
        s3 = cls(**{name: options.pop(name) for name in names})
        if not s3.timeout > 0:
            raise StoreMisconfigured("timeout: seconds above zero expected")
        if (s3.access_key is None) != (s3.secret_key is None):
            raise StoreMisconfigured("access_key and secret_key: both or neither expected")
        if s3.endpoint is not None and not re.match(r"https?://[^/@]+/?\Z", s3.endpoint):
            raise StoreMisconfigured("endpoint: http(s)://host expected")
        return s3

    def as_options(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def plain_http(self) -> bool:
        return (self.endpoint or "").startswith("http://")


class Folder(ABC):
    """Names are plain. Raises OSError or `obstore.exceptions.BaseError`; see `reporting`."""

    @abstractmethod
    def read(self, name: str) -> tuple[bytes, Version] | None:
        """The content and version of a file, or None if there is none."""

    @abstractmethod
    def open(self, name: str) -> IO[bytes]:
        """A file to read and seek in; FileNotFoundError if there is none."""

    @abstractmethod
    def write(self, name: str, content: IO[bytes]) -> None:
        """Make a file, durably and whole or not at all."""

    @abstractmethod
    def replace(self, name: str, content: bytes, version: Version | None) -> bool:
        """Write the file if it still has this version (None: is not there); False if not."""

    @abstractmethod
    def remove(self, names: Iterable[str]) -> None:
        """Remove the files, those that are gone already among them."""

    @abstractmethod
    def names(self) -> list[str]:
        """All files; OSError or the like if the folder cannot be there at all."""


def folder_at(url: str, s3: S3Options) -> Folder:
    """Raises `StoreMisconfigured`; connects to nothing."""
    try:
        parts = urlsplit(url)
    except (ValueError, AttributeError, TypeError):
        raise StoreMisconfigured("url: cannot be read as a URL") from None
    path = unquote(parts.path)
    if parts.scheme == "file" and not parts.netloc and len(path) > 1:
        return LocalFolder(Path(path))
    if parts.scheme == "s3" and re.fullmatch(r"[a-z0-9.-]+", parts.netloc) and not parts.query:
        return S3Folder(parts.netloc, path.strip("/"), s3)
    raise StoreMisconfigured("url: file:///absolute/folder or s3://bucket/folder expected")


@contextmanager
def reporting(what: str, secrets: Iterable[str | None] = ()) -> Iterator[None]:
    """Turn what a folder raises into `StoreUnavailable`, in one line and without the secrets."""
    try:
        yield
    except (OSError, BaseError) as error:
        said = str(error).partition("\n")[0].partition("<?xml")[0]
        code = re.search(r"<Code>(\w+)</Code>", str(error))
        said = f"{said.strip()} {code[1] if code else ''}".strip() or type(error).__name__
        for secret in filter(None, secrets):
            said = said.replace(secret, "***")
        raise StoreUnavailable(f"{what}: {said}") from error


class LocalFolder(Folder):
    """The folder is made when it is missing, but not the one that it lies in: a disk that is not
    mounted must not be mistaken for an empty list."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, name: str) -> tuple[bytes, Version] | None:
        try:
            content = (self._path / name).read_bytes()
        except FileNotFoundError:
            self._path.parent.stat()
            return None
        return content, hashlib.sha256(content).hexdigest()

    def open(self, name: str) -> IO[bytes]:
        return (self._path / name).open("rb")

    def write(self, name: str, content: IO[bytes]) -> None:
        self._path.mkdir(exist_ok=True)
        temporary = self._path / f".{name}.{uuid.uuid4().hex}"
        try:
            with temporary.open("xb") as file:
                while some := content.read(1 << 20):
                    file.write(some)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path / name)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(self._path)

    def replace(self, name: str, content: bytes, version: Version | None) -> bool:
        self._path.mkdir(exist_ok=True)
        with (self._path / ".lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # let go of by the system if this process is killed
            held = self.read(name)
            if (held[1] if held else None) != version:
                return False
            self.write(name, io.BytesIO(content))
        return True

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            (self._path / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        self._path.parent.stat()
        with suppress(FileNotFoundError):
            return [entry.name for entry in os.scandir(self._path) if entry.name[0] != "."]
        return []


class S3Folder(Folder):
    """Replaces by conditional PUT (``If-Match``, ``If-None-Match``), which the server must know."""

    def __init__(self, bucket: str, prefix: str, s3: S3Options) -> None:
        self._made = OfThisProcess(lambda: _s3_store(bucket, prefix, s3))

    def _store(self) -> S3Store:
        refuse_after_fork("obstore")
        return self._made()

    def read(self, name: str) -> tuple[bytes, Version] | None:
        try:
            result = obstore.get(self._store(), name)
        except FileNotFoundError:
            self.names()  # also what a missing bucket answers, and that is no empty folder
            return None
        return bytes(result.bytes()), result.meta["e_tag"] or ""

    def open(self, name: str) -> IO[bytes]:
        size = obstore.head(self._store(), name)["size"]
        return io.BufferedReader(_Ranges(self._store(), name, size), READ_AHEAD)

    def write(self, name: str, content: IO[bytes]) -> None:
        obstore.put(self._store(), name, content)

    def replace(self, name: str, content: bytes, version: Version | None) -> bool:
        try:
            obstore.put(
                self._store(), name, content, mode={"e_tag": version} if version else "create"
            )
        except (AlreadyExistsError, PreconditionError):
            return False
        return True

    def remove(self, names: Iterable[str]) -> None:
        for name in names:
            with suppress(FileNotFoundError):
                obstore.delete(self._store(), name)

    def names(self) -> list[str]:
        listed = obstore.list_with_delimiter(self._store())
        return [entry["path"] for entry in listed["objects"]]


class _Ranges(io.RawIOBase):
    """An object read by ranges, so that only what is needed of a large one is fetched."""

    def __init__(self, store: S3Store, name: str, size: int) -> None:
        self._store, self._name, self._size = store, name, size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = max(0, min(len(buffer), self._size - self._at))
        if length:
            got = obstore.get_range(self._store, self._name, start=self._at, length=length)
            buffer[:length] = memoryview(got)
            self._at += length
        return length


def _s3_store(bucket: str, prefix: str, s3: S3Options) -> S3Store:
    given = {
        "endpoint": s3.endpoint,
        "region": s3.region,
        "access_key_id": s3.access_key,
        "secret_access_key": s3.secret_key,
    }
    timeout = timedelta(seconds=s3.timeout)
    return S3Store(
        bucket,
        prefix=prefix or None,
        client_options={
            "allow_http": s3.plain_http,
            "timeout": timeout,
            "connect_timeout": timeout,
        },
        retry_config={"max_retries": RETRIES, "retry_timeout": timeout},
        **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
    )


def _sync(folder: Path) -> None:
    """Make a rename survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
