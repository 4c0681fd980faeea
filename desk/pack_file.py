"""An evidence pack as a file: a ZIP for people (HTML) and programs (JSON, CSV), with hashes."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.template.loader import render_to_string
from django.utils import translation

from accounts.csv_safe import safe_row
from consent.models import Notice, NoticeText
from desk import pack_parts
from desk.pack_campaigns import reports
from desk.pack_member import member_part
from desk.pack_parts import Part, cleaned
from desk.pack_scope import Scope

GENERAL = (
    pack_parts.notices, pack_parts.rollouts, pack_parts.told, pack_parts.campaigns,
    pack_parts.choices, pack_parts.deliveries, pack_parts.failures, pack_parts.ledger,
    pack_parts.staff_access,
)  # fmt: skip
OF_A_MEMBER = (
    pack_parts.notices, pack_parts.rollouts, pack_parts.ledger, pack_parts.staff_access,
)  # fmt: skip
SHOWN = 200
"""Rows of a table in index.html; its CSV and JSON have all."""
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""Of every file in the ZIP: the same content makes the same bytes."""


@dataclass(frozen=True, slots=True)
class Written:
    sha256: str
    size: int


def write_pack(
    path: Path, scope: Scope, *, made_at: datetime, by: str, on_step: Callable[[str], None]
) -> Written:
    """Write the pack to ``path``. ``on_step`` is told what comes next."""
    with translation.override("en"):
        parts = list(_parts(scope, on_step))
        files = dict(_files(parts, scope))
        if scope.member is None:
            files |= reports(scope, made_at=made_at, by=by)
    made = {"made_at": made_at, "made_by": by, "scope": scope.as_json()}
    files["index.html"] = _index(parts, files, scope, made)
    files["manifest.json"] = as_json({**made, "files": _listed(files)})
    files["SHA256SUMS"] = "".join(
        f"{row['sha256']}  {row['name']}\n" for row in _listed(files)
    ).encode()
    on_step("writing the file")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name in sorted(files):
            packed.writestr(zipfile.ZipInfo(name, _EPOCH), files[name], zipfile.ZIP_DEFLATED)
    with path.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return Written(digest, path.stat().st_size)


def _parts(scope: Scope, on_step: Callable[[str], None]) -> Iterator[Part]:
    makers = OF_A_MEMBER if scope.member else GENERAL
    for number, make in enumerate(makers, start=1):
        on_step(f"{number} of {len(makers) + 1}: {make.__name__.replace('_', ' ')}")
        yield cleaned(make(scope))
    if scope.member:
        yield member_part(scope.member)


def _files(parts: list[Part], scope: Scope) -> Iterator[tuple[str, bytes]]:
    for part in parts:
        rows = [dict(zip(part.columns, row, strict=True)) for row in part.rows]
        content = {"title": part.title, "about": part.about, "rows": rows}
        if part.details is not None:
            content["details"] = part.details
        yield f"{part.name}.json", as_json(content)
        yield f"{part.name}.csv", _as_csv(part)
    for notice in pack_parts.notices_of(scope):
        yield from _texts(notice)


def _texts(notice: Notice) -> Iterator[tuple[str, bytes]]:
    folder = f"notices/{notice.purpose_id}-{notice.version}"
    for text in notice.translations.order_by("language"):
        text.notice = notice
        yield f"{folder}/{text.language}.json", as_json(_text(text))
        page = render_to_string("desk/pack_notice.html", {"text": text.filled(), "notice": notice})
        yield f"{folder}/{text.language}.html", page.encode()


def _text(text: NoticeText) -> dict[str, Any]:
    """As it was written, and so with placeholders."""
    names = (*NoticeText.PLACEHOLDER_FIELDS, "language", "kinds")
    return {name: getattr(text, name) for name in names}


def as_json(content: Any) -> bytes:
    text = json.dumps(content, cls=DjangoJSONEncoder, indent=1, sort_keys=True, ensure_ascii=False)
    return f"{text}\n".encode()


def _as_csv(part: Part) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(part.columns)
    writer.writerows(safe_row(map(_cell, row)) for row in part.rows)
    return out.getvalue().encode()


def _cell(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _listed(files: dict[str, bytes]) -> list[dict[str, Any]]:
    return [
        {"name": name, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for name, content in sorted(files.items())
    ]


def _index(parts: list[Part], files: dict[str, bytes], scope: Scope, made: dict[str, Any]) -> bytes:
    context = {
        "parts": [
            {
                "part": part,
                "rows": [[_cell(value) for value in row] for row in part.rows[:SHOWN]],
                "left": max(0, len(part.rows) - SHOWN),
            }
            for part in parts
        ],
        "texts": [name for name in sorted(files) if name.endswith(".html")],
        "reports": [name for name in sorted(files) if name.endswith("-report.csv")],
        "files": _listed(files),
        "operator_name": settings.OPERATOR_NAME,
        **made,
        "scope": scope,
    }
    return render_to_string("desk/pack.html", context).encode()
