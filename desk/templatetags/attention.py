from django import template

from accounts.models import Member
from desk.attention import Item, attention_for

register = template.Library()


@register.simple_tag(takes_context=True)
def attention(context: template.Context) -> list[Item]:
    """What needs the attention of whoever looks."""
    member = context["request"].user
    return attention_for(member) if isinstance(member, Member) else []


@register.simple_tag(takes_context=True)
def roles(context: template.Context) -> str:
    """The roles of whoever looks, as a list in words."""
    member = context["request"].user
    names = ["superuser"] if member.is_superuser else []
    names += member.groups.order_by("name").values_list("name", flat=True)
    return ", ".join(names).lower()
