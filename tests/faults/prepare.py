"""Makes the site's members, each with a session, and prints their cookies as JSON.

Run by the suite as a process of its own, so that the suite itself needs neither Django nor the
database that it is about to stop.
"""

import json
import sys

import django


def main(count: int) -> None:
    django.setup()
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.core.management import call_command

    from accounts.models import Member
    from accounts.sessions import SessionStore
    from propagation.registry import configured, store_for

    call_command("migrate", verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("load_notice", publish=True, by="faults", stdout=sys.stderr)
    cookies = {}
    for number in range(count):
        ref = f"member-{number:04}"
        member = Member(email=f"{ref}@faults.example", member_ref=ref, country="IE", language="en")
        member.set_unusable_password()
        member.save()
        session = SessionStore()
        session[SESSION_KEY] = str(member.pk)
        session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
        session[HASH_SESSION_KEY] = member.get_session_auth_hash()
        session.save()
        cookies[ref] = session.session_key
    for store in configured():
        store_for(store.alias).check()  # an SQL store makes its table
    sys.stdout.write(json.dumps(cookies))


if __name__ == "__main__":
    main(int(sys.argv[1]))
