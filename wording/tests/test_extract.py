"""Texts are found in code and templates as GNU xgettext would find them."""

from pathlib import Path

import pytest

from wording.extract import Text, texts

TEMPLATE = """
{% load i18n %}{# {% translate "In a comment" %} #}
{% translate "It's <b>100 %</b>" %} {% translate 'Save' context "verb" %}
<p title="{% translate "In an attribute" as title %}">{{ _("A constant")|upper }}</p>
{% blocktranslate trimmed with name=user.name|upper %}
  Dear {{ name }},
  hello
{% endblocktranslate %}
{% blocktranslate count number=numbers|length %}{{ number }} thing\
{% plural %}{{ number }} things{% endblocktranslate %}
{% comment %}{% translate "Also in a comment" %}{% endcomment %}
"""
CODE = """
from django.utils.translation import gettext as _, gettext_lazy, ngettext, pgettext
from django.utils import translation

A = _("One " "text")
B = gettext_lazy("Lazy")
C = ngettext("%(n)s day", "%(n)s days", 2)
D = pgettext("noun", "Save")
E = translation.gettext("By its module")
F = _(A)
G = other("Not a text")
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    for name, content in {
        "templates/a/page.html": TEMPLATE,
        "templates/mail.txt": '{% load i18n %}{% translate "Save" %}{% translate "Lazy" %}',
        "templates/picture.svg": '{% load i18n %}{% translate "Not read" %}',
        "consent/views.py": CODE,
        "consent/tests/test_views.py": CODE.replace("One", "Test"),
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return tmp_path


def test_all_and_no_others(base: Path) -> None:
    assert set(texts(base)) == {
        Text("It's <b>100 %%</b>"),
        Text("Save", context="verb"),
        Text("In an attribute"),
        Text("A constant"),
        Text("Dear %(name)s, hello"),
        Text("%(number)s thing", "%(number)s things"),
        Text("One text"),
        Text("Lazy"),
        Text("%(n)s day", "%(n)s days"),
        Text("Save", context="noun"),
        Text("By its module"),
        Text("Save"),
    }


def test_where_they_stand(base: Path) -> None:
    found = texts(base)
    assert found[Text("Lazy")] == ["consent/views.py", "templates/mail.txt"]
    assert list(found)[:3] == [Text("One text"), Text("Lazy"), Text("%(n)s day", "%(n)s days")]


def test_of_this_site() -> None:
    found = texts()
    assert "templates/consent/dashboard.html" in found[Text("I object")]
    assert "consent/situation.py" in found[Text("EU and EEA")]
