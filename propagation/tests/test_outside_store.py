"""docs/adding-a-store.md, done: a store class that is in none of our packages."""

import importlib
import json
import sys
from datetime import datetime, timedelta
from typing import ClassVar

import pytest
from django.core.checks import run_checks

from ledger.seal import seal_all
from propagation.choice import Choice
from propagation.models import Cursor
from propagation.progress import deliveries
from propagation.relay import relay
from propagation.tests.contract import StoreContract
from tests.people import choose

pytestmark = pytest.mark.django_db

MODULE = '''
"""Keeps the newest choice of each member and purpose in a file of JSON."""

import json
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from propagation.choice import Choice
from propagation.stores.base import Store, StoreMisconfigured, StoreUnavailable


class FileStore(Store):
    def __init__(self, path: str = "", **options: Any) -> None:
        super().__init__(**options)
        if not path:
            raise StoreMisconfigured("path: the file to keep is missing")
        self._path = Path(path)
        self._lock = threading.Lock()

    def write(self, choices: Sequence[Choice]) -> None:
        with self._lock:
            held = self._read()
            for choice in choices:
                key = json.dumps(choice.key)
                if choice.revision > held.get(key, [0])[0]:
                    held[key] = [choice.revision, choice.decision, choice.changed_at.isoformat()]
            self._replace(held)

    def check(self) -> None:
        self._read()

    def _read(self) -> dict[str, Any]:
        try:
            return json.loads(self._path.read_text())
        except FileNotFoundError:
            if not self._path.parent.is_dir():
                raise StoreUnavailable(f"{self._path.parent.name} is not there") from None
            return {}
        except (OSError, ValueError) as error:
            raise StoreUnavailable(f"{self._path.name}: {error}") from error

    def _replace(self, held: dict[str, Any]) -> None:
        draft = self._path.with_suffix(".draft")
        try:
            with draft.open("w") as file:
                json.dump(held, file)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise StoreUnavailable(f"{self._path.name}: {error}") from error
'''


@pytest.fixture
def their_store(tmp_path, monkeypatch):
    """Their package, as it is once it is installed."""
    (tmp_path / "their_store.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("their_store")
    sys.modules.pop("their_store", None)
    importlib.invalidate_caches()


@pytest.fixture
def kept(their_store, tmp_path, settings):
    """The file that the store keeps; the store is configured."""
    settings.DATA_STORES = {
        "theirs": {
            "BACKEND": "their_store.FileStore",
            "LABEL": "Their files",
            "SLA": timedelta(minutes=15),
            "OPTIONS": {"path": str(tmp_path / "kept.json")},
        }
    }
    return tmp_path / "kept.json"


class TestTheirStore(StoreContract):
    """The contract, as a newcomer subclasses it."""

    bad_options: ClassVar = [{"path": ""}]

    @pytest.fixture(autouse=True)
    def _installed(self, their_store, tmp_path):
        self.make = their_store.FileStore
        self.file = tmp_path / "contract.json"

    @pytest.fixture
    def store(self, _installed):
        return self.make(path=str(self.file))

    @pytest.fixture
    def unreachable(self, _installed, tmp_path):
        return self.make(path=f"{tmp_path}/not/mounted/kept.json")

    def held(self, store, keys):
        held = {tuple(json.loads(key)): entry for key, entry in _kept_in(self.file).items()}
        return {
            key: Choice(*key, entry[1], entry[0], datetime.fromisoformat(entry[2]))
            for key in keys
            if (entry := held.get(key))
        }


def _kept_in(file):
    return json.loads(file.read_text())


def test_a_choice_reaches_a_store_from_outside_the_packages(kept):
    assert not [message for message in run_checks() if message.id.startswith("propagation.E")]
    choose("anna")
    choose("anna", "allowed")
    choose("anna")
    seal_all(0)
    relay("theirs")
    (entry,) = _kept_in(kept).values()
    assert entry[:2] == [3, "objected"]


def test_its_progress_is_shown_like_any_other(kept):
    choose("anna")
    seal_all(0)
    from ledger.models import Entry

    choice = Entry.objects.get()
    assert [(d.label, d.state) for d in deliveries(choice)] == [("Their files", "waiting")]
    relay("theirs")
    assert [d.state for d in deliveries(choice)] == ["confirmed"]


def test_its_failures_are_handled_like_any_other(kept):
    kept.mkdir()
    choose("anna")
    seal_all(0)
    relay("theirs")
    cursor = Cursor.objects.get(store="theirs")
    assert (cursor.position, cursor.failures) == (0, 1)
    assert cursor.last_error.startswith("kept.json")


def test_a_mistake_in_its_options_is_found_by_check(kept, settings):
    settings.DATA_STORES["theirs"]["OPTIONS"] = {}
    messages = [message for message in run_checks() if message.id == "propagation.E007"]
    assert "path: the file to keep is missing" in messages[0].msg
