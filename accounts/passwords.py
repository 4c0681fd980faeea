from django.contrib.auth.password_validation import UserAttributeSimilarityValidator
from django.utils.translation import gettext as _


class UnlikeTheAddress(UserAttributeSimilarityValidator):
    """Says "e-mail address" in the member's language; Django names the model's field, in English.

    The address is all that we know of what Django compares a password with.
    """

    def get_error_message(self) -> str:
        return _("This password is too much like your e-mail address.")
