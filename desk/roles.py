"""Who of the staff may do what: one group for each role, with exactly these permissions.

The groups are made anew by each `manage.py migrate`, so that nobody's rights drift: a permission
that was given to a group by hand is gone after it. Members of staff get their rights by being in
groups; superusers are for setting up only.
"""

from enum import StrEnum
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models import Q

OURS = ("accounts", "campaigns", "consent", "desk", "ledger", "propagation")


class Role(StrEnum):
    """Its value is the name of the group."""

    SUPPORT_AGENT = "Support agent"
    SUPPORT_LEAD = "Support lead"
    CAMPAIGN_MANAGER = "Campaign manager"
    PRIVACY_OFFICER = "Privacy officer"
    AUDITOR = "Auditor"
    OPERATOR = "Operator"


# Nobody gets accounts.view_member: members are looked at on their page, masked, with a reason.
_AGENT = {
    "desk.view_memberpage",
    "desk.view_evidence",
    "desk.view_correction",
    "desk.view_memberrequest",
    "desk.record_objection",
    "desk.send_mails",
    "desk.correct_country",
    "desk.retry_delivery",
    "desk.write_note",
    "desk.open_memberrequest",
    "desk.ask_correction",
    "ledger.view_entry",
    "consent.view_notice",
    "consent.view_rollout",
    "consent.view_parkedmail",
    "propagation.view_parked",
}
_LEAD = _AGENT | {
    "accounts.view_memberaccess",
    "desk.view_staffaction",
    "desk.handle_memberrequest",
    "desk.decide_correction",
    "desk.export_member",
    "desk.erase_member",
    "accounts.view_unusualaccess",
}
PERMISSIONS: dict[Role, set[str]] = {
    Role.SUPPORT_AGENT: _AGENT,
    Role.SUPPORT_LEAD: _LEAD,
    Role.CAMPAIGN_MANAGER: {
        "consent.view_notice",
        "consent.view_rollout",
        "campaigns.view_campaign",
        "campaigns.view_mailstop",
        "campaigns.add_campaign",
        "campaigns.change_campaign",
        "campaigns.prepare_campaign",
        "campaigns.release_campaign",
        "campaigns.stop_campaigns",
        "campaigns.export_unreached",
    },
    Role.PRIVACY_OFFICER: {
        "accounts.view_memberaccess",
        "desk.view_memberpage",
        "desk.view_evidence",
        "desk.view_correction",
        "desk.view_memberrequest",
        "desk.view_staffaction",
        "desk.record_objection",
        "desk.write_note",
        "desk.open_memberrequest",
        "desk.handle_memberrequest",
        "desk.ask_correction",
        "desk.decide_correction",
        "desk.export_member",
        "desk.erase_member",
        "accounts.view_unusualaccess",
        "campaigns.view_campaign",
        "campaigns.release_campaign",
        "campaigns.stop_campaigns",
        "campaigns.export_unreached",
        "campaigns.view_mailstop",
        "consent.view_notice",
        "consent.add_notice",
        "consent.change_notice",
        "consent.propose_notice",
        "consent.publish_notice",
        "consent.view_rollout",
        "consent.add_rollout",
        "consent.change_rollout",
        "consent.view_parkedmail",
        "desk.view_dashboard",
        "desk.view_evidencepack",
        "desk.make_evidencepack",
        "ledger.view_entry",
        "propagation.view_cursor",
        "propagation.view_parked",
    },
    Role.AUDITOR: set(),  # views all but members unmasked, by `_permissions`
    Role.OPERATOR: {
        "propagation.view_cursor",
        "propagation.change_cursor",
        "propagation.view_parked",
        "propagation.view_storepause",
    },
}


def make_groups(**_kwargs: Any) -> None:
    """After `migrate`: each role's group has the role's permissions and no other.

    Raises LookupError for a permission that does not exist.
    """
    for role in Role:
        group, _made = Group.objects.get_or_create(name=role)
        group.permissions.set(_permissions(role))


def _permissions(role: Role) -> list[Permission]:
    if role == Role.AUDITOR:
        views = Q(content_type__app_label__in=OURS, codename__startswith="view_")
        unmasked = Q(content_type__app_label="accounts", codename="view_member")
        return list(Permission.objects.filter(views).exclude(unmasked))
    wanted = PERMISSIONS[role]
    codenames = {name.partition(".")[2] for name in wanted}
    found = {
        f"{permission.content_type.app_label}.{permission.codename}": permission
        for permission in Permission.objects.filter(codename__in=codenames).select_related(
            "content_type"
        )
    }
    if missing := wanted - set(found):
        raise LookupError(f"{role} names permissions that do not exist: {sorted(missing)}")
    return [found[name] for name in wanted]
