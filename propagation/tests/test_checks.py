from datetime import timedelta

import pytest

from propagation.checks import check_stores

GOOD = {
    "BACKEND": "propagation.tests.stores.MemoryStore",
    "LABEL": "Memory",
    "SLA": timedelta(minutes=1),
}


def found(settings, alias="store", **changes):
    settings.DATA_STORES = {alias: {**GOOD, **changes}}
    return [(message.id, message.hint) for message in check_stores()]


def test_a_good_one(settings):
    assert found(settings) == []


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        (1, {"alias": "Not Fit"}),
        (2, {"OPTION": {}}),
        (3, {"LABEL": ""}),
        (4, {"SLA": 60}),
        (4, {"SLA": timedelta(0)}),
        (5, {"BACKEND": "propagation.stores.nothing.Store"}),
        (5, {"BACKEND": ""}),
        (6, {"BACKEND": "propagation.choice.Choice"}),
        (7, {"OPTIONS": {"colour": "red"}}),
        (7, {"BACKEND": "propagation.stores.sql.SqlStore", "OPTIONS": {"url": "nonsense"}}),
        (7, {"BACKEND": "propagation.stores.sql.SqlStore"}),
    ],
)
def test_a_bad_one_is_named_with_a_hint(settings, number, changes):
    messages = found(settings, **changes)
    assert [message_id for message_id, _hint in messages] == [f"propagation.E{number:03}"]
    assert all(hint for _id, hint in messages)


def test_none_at_all(settings):
    settings.DATA_STORES = {}
    assert [message.id for message in check_stores()] == ["propagation.W001"]
