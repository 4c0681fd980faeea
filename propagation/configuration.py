"""DATA_STORES as an environment variable. Imported by the settings: no Django here."""

import json
from datetime import timedelta
from typing import Any


def stores_from_json(text: str) -> dict[str, dict[str, Any]]:
    """Read the DATA_STORES variable: JSON like the setting, with SLA in seconds.

    ``LABEL`` is a text, or an object of language code to text.
    Raises ValueError that names the store and what is wrong with it.
    """
    stores = json.loads(text)
    if not isinstance(stores, dict):
        raise ValueError("DATA_STORES must be a JSON object of alias to settings")
    for alias, entry in stores.items():
        if not isinstance(entry, dict) or not isinstance(entry.get("SLA"), int | float):
            raise ValueError(f"DATA_STORES: {alias} needs an SLA in seconds")
        entry["SLA"] = timedelta(seconds=entry["SLA"])
    return stores
