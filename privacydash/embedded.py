"""What the embedded mode keeps in its data folder. Imported by the settings: no Django here."""

import base64
import hashlib
import json
import os
import secrets
from pathlib import Path
from typing import Any


def kept_secret(path: Path, prefix: str = "") -> str:
    """The secret in ``path``, made at the first call; readable by its owner only."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(prefix + base64.b64encode(secrets.token_bytes(48)).decode())
        try:
            os.link(draft, path)  # atomic: of two processes that start together, one wins
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def kept_key(path: Path) -> str:
    """An Ed25519 private key, as RECEIPT_KEYS takes it, made from the secret in ``path``."""
    seed = hashlib.sha256(kept_secret(path).encode()).digest()
    return base64.urlsafe_b64encode(seed).rstrip(b"=").decode()


def running(data: Path) -> dict[str, str]:
    """Addresses of the servers that `make run` has started on this folder, while it runs."""
    try:
        values = json.loads((data / "running.json").read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {str(key): str(value) for key, value in values.items()}


def filesystem_broker(data: Path) -> dict[str, Any]:
    """Transport options for Celery without any broker process: messages are files."""
    folder = data / "broker"
    folder.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(folder),
        "data_folder_out": str(folder),
        "control_folder": str(folder / "control"),
        "store_processed": False,
    }
