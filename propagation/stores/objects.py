"""A suppression list as Parquet files and a manifest, in a local folder or in S3."""

import hashlib
import io
import logging
import random
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import IO, Any

from propagation.choice import Choice
from propagation.stores import manifest as manifests
from propagation.stores import sortedlist
from propagation.stores.base import (
    Key,
    ReadableStore,
    StoreMisconfigured,
    StoreUnavailable,
)
from propagation.stores.folders import S3Options, folder_at, reporting
from propagation.stores.manifest import File, Manifest
from propagation.stores.optional import needed_packages
from propagation.stores.process import OfThisProcess
from propagation.stores.unicode import encodable, refuse_unencodable

with needed_packages():
    import pyarrow as pa
    import pyarrow.parquet as pq
    from obstore.exceptions import BaseError

logger = logging.getLogger(__name__)

TRIES = 10
SMALL = 1 << 20
"""Bytes up to which a file is fetched whole, compared with its SHA-256, and kept in memory."""
GROWTH = 4
"""A file with up to so many times the rows of all newer ones is folded together with them, so that
each row is written anew about log(n) times and no more."""

type Take = Callable[[pq.ParquetFile], pa.Table]


class _Local:
    """What one process has: its lock, and the small files that it has fetched."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.fetched: dict[str, bytes] = {}


class ObjectStore(ReadableStore):
    """A full list, small deltas, and a manifest that names them and is replaced atomically.

    ``url`` is ``file:///absolute/folder`` or ``s3://bucket/folder``. With more than ``max_deltas``
    deltas the newer ones are folded into one, or all into a new full list. A file that is no longer
    listed stays for ``grace`` seconds. For S3: ``endpoint``, ``region``, ``access_key``,
    ``secret_key`` and ``timeout`` (seconds for one request), see `S3Options`.

    The manifest is only replaced if it is still the one that was read, so writers that overlap,
    even one that was stuck for hours, add to each other's lists and never undo them. The number
    that a file's name starts with is the manifest's for which it was written: what a slow writer
    is about to list is newer than anything that another one cleans up.
    """

    def __init__(
        self, url: str, *, max_deltas: int = 32, grace: float = 3600.0, **options: Any
    ) -> None:
        s3 = S3Options.taken_from(options)
        super().__init__(**options)
        if not (max_deltas >= 1 and grace >= 0):
            raise StoreMisconfigured("max_deltas: 1 or more; grace: seconds, 0 or more expected")
        self._folder = folder_at(url, s3)
        self._url, self._secret = url, s3.secret_key
        self._max_deltas = max_deltas
        self._grace = timedelta(seconds=grace)
        self._local = OfThisProcess(_Local)

    def write(self, choices: Sequence[Choice]) -> None:
        if fitting := [choice for choice in choices if encodable(choice.key)]:
            table = sortedlist.table_of(fitting)
            with self._reporting(), self._local().lock:
                manifest = self._commit(lambda last: (*last.files, self._added(last, [table])))
                if len(manifest.files) > self._max_deltas + 1:
                    self._tidy()
        refuse_unencodable(choices)

    def check(self) -> None:
        with self._reporting():
            self._manifest()

    def read(self, keys: Iterable[Key]) -> Mapping[Key, Choice]:
        wanted = set(filter(encodable, keys))
        held, _ = self._held(lambda file: sortedlist.rows_with(file, wanted))
        return {choice.key: choice for choice in sortedlist.choices_of(held)}

    def scan(self, after: Key | None, limit: int) -> Iterator[Choice]:
        held, _ = self._held(lambda file: sortedlist.rows_after(file, after, limit))
        return sortedlist.choices_of(held.slice(0, limit))

    def repair(self, choices: Sequence[Choice], extra: Sequence[Key]) -> None:
        """As in the base class. What is missing or too old comes as a delta like any other; the
        rest needs a new full list, for no delta takes back a revision that is as high."""
        right = {choice.key: choice for choice in choices if encodable(choice.key)}
        keys = {*right, *filter(encodable, extra)}
        held, damaged = self._held(lambda file: sortedlist.rows_with(file, keys))
        if damaged or any(_takes_back(right, choice) for choice in sortedlist.choices_of(held)):
            table = sortedlist.table_of(right.values())
            with self._reporting(), self._local().lock:
                self._commit(lambda last: [self._folded(last, last.files, keys, table)])
            refuse_unencodable(choices)
        else:
            self.write(choices)

    # --- writing ---

    def _commit(self, change: Callable[[Manifest], Sequence[File]]) -> Manifest:
        """Replace the manifest by one with the files that ``change`` makes of it."""
        for _ in range(TRIES):
            last, version = self._manifest()
            following = last.followed_by(change(last), self._grace)
            if self._folder.replace(manifests.NAME, following.encoded(), version):
                self._folder.remove(f.name for f in set(last.retired) - set(following.retired))
                return following
            time.sleep(random.uniform(0.01, 0.2))  # noqa: S311  others write at the same time
        raise StoreUnavailable(f"{self._url}: others keep replacing {manifests.NAME}")

    def _manifest(self) -> tuple[Manifest, str | None]:
        found = self._folder.read(manifests.NAME)
        return (Manifest.decoded(found[0]), found[1]) if found else (Manifest(), None)

    def _added(self, last: Manifest, tables: Iterable[pa.Table]) -> File:
        """A new file, for the manifest that follows ``last``."""
        with tempfile.SpooledTemporaryFile(max_size=SMALL) as content:
            rows = sortedlist.write(tables, content)
            size = content.tell()
            sha256 = _sha256(content)
            content.seek(0)
            name = last.name_for(sha256)
            self._folder.write(name, content)
        return File(name, rows, size, sha256)

    def _tidy(self) -> None:
        """Fold deltas. If that fails nothing is lost, and the next write tries again."""
        try:
            manifest = self._commit(self._with_fewer)
            self._folder.remove(manifest.leftovers(self._folder.names()))
        except (StoreUnavailable, OSError, BaseError) as error:
            logger.warning("%s: deltas were not folded: %s", self._url, error)

    def _with_fewer(self, last: Manifest) -> Sequence[File]:
        start = max(0, len(last.files) - max(2, self._max_deltas // 2))
        rows = sum(file.rows for file in last.files[start:])
        while start and last.files[start - 1].rows <= GROWTH * rows:
            start -= 1
            rows += last.files[start].rows
        nothing = sortedlist.table_of([])
        return (*last.files[:start], self._folded(last, last.files[start:], set(), nothing))

    def _folded(
        self, last: Manifest, files: Sequence[File], keys: set[Key], right: pa.Table
    ) -> File:
        """One file made of several, in which ``right`` has the last word about the ``keys``.

        The first file is read piece by piece, since it may be large; a damaged one is left out.
        """
        newer = self._readable(files[1:], sortedlist.all_rows)
        overlay = sortedlist.without(sortedlist.folded(list(newer.values())), keys)
        overlay = sortedlist.folded([overlay, right])
        if not files or self._is_damaged(files[0]):
            return self._added(last, [overlay])
        with self._opened(files[0]) as base:
            return self._added(last, sortedlist.merged(base, overlay, keys))

    # --- reading ---

    def _held(self, take: Take) -> tuple[pa.Table, bool]:
        """What ``take`` finds in all files, folded; and whether a file of them is damaged."""
        with self._reporting():
            for _ in range(TRIES):
                files = self._manifest()[0].files
                found = self._readable(files, take)
                lost = [file for file in files if file.name not in found]
                if not lost or set(lost) <= set(self._manifest()[0].files):
                    return sortedlist.folded(list(found.values())), bool(lost)
        raise StoreUnavailable(f"{self._url}: files vanish faster than they can be read")

    def _readable(self, files: Sequence[File], take: Take) -> dict[str, pa.Table]:
        """What ``take`` finds in each file; a damaged one counts as not held, and is logged."""
        found = {}
        for file in files:
            try:
                with self._opened(file) as parquet:
                    found[file.name] = take(parquet)
            except (OSError, ValueError, BaseError, pa.ArrowException):
                if not self._is_damaged(file):
                    raise
                logger.error("%s: %s is damaged or missing", self._url, file.name)
        return found

    def _opened(self, file: File) -> pq.ParquetFile:
        if file.bytes > SMALL:
            return sortedlist.opened(self._folder.open(file.name))
        return sortedlist.opened(io.BytesIO(self._fetched(file)))

    def _fetched(self, file: File) -> bytes:
        fetched = self._local().fetched
        if (content := fetched.get(file.name)) is None:
            with self._folder.open(file.name) as source:
                content = source.read()
            if hashlib.sha256(content).hexdigest() != file.sha256:
                raise OSError(f"{file.name} is damaged")
            if len(fetched) > 2 * self._max_deltas:
                fetched.clear()
            fetched[file.name] = content
        return content

    def _is_damaged(self, file: File) -> bool:
        try:
            with self._folder.open(file.name) as content:
                return _sha256(content) != file.sha256
        except FileNotFoundError:
            return True

    def _reporting(self) -> AbstractContextManager[None]:
        return reporting(self._url, [self._secret])


def _takes_back(right: Mapping[Key, Choice], held: Choice) -> bool:
    """Whether the held choice is wrong in a way that a newer revision does not put right."""
    choice = right.get(held.key)
    return choice is None or (choice != held and choice.revision <= held.revision)


def _sha256(content: IO[bytes]) -> str:
    content.seek(0)
    digest = hashlib.sha256()
    while some := content.read(SMALL):
        digest.update(some)
    return digest.hexdigest()
