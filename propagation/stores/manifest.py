"""Which files make up a suppression list, and what they must be like."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from propagation.stores.base import StoreUnavailable

NAME = "manifest.json"
FORMAT = "privacydash-suppression-list/1"


@dataclass(frozen=True, slots=True)
class File:
    name: str
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Retired:
    """A file that readers of an earlier manifest may still be reading; ``at`` is ISO 8601, UTC."""

    name: str
    at: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """``files`` are the full list and then the deltas, in the order in which they were written."""

    generation: int = 0
    files: tuple[File, ...] = ()
    retired: tuple[Retired, ...] = ()

    def followed_by(self, files: Sequence[File], grace: timedelta) -> "Manifest":
        """The next manifest, with these files; it forgets what was retired long enough ago."""
        now = datetime.now(UTC)
        kept = [file for file in self.retired if datetime.fromisoformat(file.at) > now - grace]
        gone = [Retired(file.name, now.isoformat()) for file in self.files if file not in files]
        return Manifest(self.generation + 1, tuple(files), (*kept, *gone))

    def name_for(self, sha256: str) -> str:
        """What a file with this content is called when the next manifest is to list it."""
        return f"{self.generation + 1:012}-{sha256[:16]}.parquet"

    def leftovers(self, names: Sequence[str]) -> list[str]:
        """Those files that nobody needs: written for an earlier manifest, and never listed."""
        known = {file.name for file in self.files} | {file.name for file in self.retired}
        written = [name for name in names if name.endswith(".parquet") and name not in known]
        return [name for name in written if int(name.partition("-")[0]) <= self.generation]

    def encoded(self) -> bytes:
        head = {"format": FORMAT, "written_at": datetime.now(UTC).isoformat()}
        return json.dumps(head | asdict(self), indent=1).encode()

    @classmethod
    def decoded(cls, content: bytes) -> "Manifest":
        try:
            given = json.loads(content)
            if given["format"] != FORMAT:
                raise ValueError(given["format"])
            files = tuple(File(**file) for file in given["files"])
            retired = tuple(Retired(**file) for file in given["retired"])
            return cls(given["generation"], files, retired)
        except (ValueError, KeyError, TypeError) as error:
            raise StoreUnavailable(f"{NAME} is none of this store: {error!r}") from error
