"""The texts in code and templates that are marked for translation.

What GNU xgettext would find, without it: Django turns a template into calls of gettext, and
Python's own parser reads those as it reads code.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.utils.translation.template import templatize

BASE = Path(__file__).resolve().parent.parent
CODE = ("accounts", "campaigns", "consent", "desk", "ledger", "privacydash", "propagation")
TEMPLATES = "templates"

# Which arguments of a function are context, text and plural.
_SHAPES = {
    "gettext": (None, 0, None),
    "pgettext": (0, 1, None),
    "ngettext": (None, 0, 1),
    "npgettext": (0, 1, 2),
}
_FUNCTIONS = {
    "_": _SHAPES["gettext"],
    "gettext_noop": _SHAPES["gettext"],
    **_SHAPES,
    **{f"{name}_lazy": shape for name, shape in _SHAPES.items()},
}
_QUOTED = r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_TEMPLATE_CALL = re.compile(
    rf"\b(?:{'|'.join(_SHAPES)}|_)\({_QUOTED}(?:, (?:{_QUOTED}|count)|,count)*\)"
)


@dataclass(frozen=True, slots=True)
class Text:
    """An English text as catalogues know it. ``plural`` and ``context`` are empty where none."""

    english: str
    plural: str = ""
    context: str = ""


def texts(base: Path = BASE) -> dict[Text, list[str]]:
    """Each text, with the files that it stands in, in the order in which they are found."""
    found: dict[Text, list[str]] = {}
    for path in _files(base):
        name = path.relative_to(base).as_posix()
        for text in _texts_in(path):
            places = found.setdefault(text, [])
            if name not in places:
                places.append(name)
    return found


def _files(base: Path) -> Iterator[Path]:
    for folder in CODE:
        for path in sorted((base / folder).rglob("*.py")):
            if not {"tests", "migrations"} & set(path.relative_to(base).parts):
                yield path
    for path in sorted((base / TEMPLATES).rglob("*")):
        if path.suffix in {".html", ".txt"}:
            yield path


def _texts_in(path: Path) -> Iterable[Text]:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return _calls(ast.parse(source, str(path)))
    calls = _TEMPLATE_CALL.findall(templatize(source, str(path)))
    return [text for call in calls for text in _calls(ast.parse(call))]


def _calls(tree: ast.AST) -> Iterator[Text]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        if shape := _FUNCTIONS.get(_name(node.func)):
            context, english, plural = (_literal(node.args, index) for index in shape)
            if english:
                yield Text(english, plural, context)


def _name(function: ast.expr) -> str:
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _literal(arguments: list[ast.expr], index: int | None) -> str:
    """The text given as an argument; "" where it is made at run time and so is in no catalogue."""
    match arguments[index : index + 1] if index is not None else []:
        case [ast.Constant(value=str(text))]:
            return text
    return ""
