"""Choices in Redis or Valkey, as a hash for each choice or as a set of objectors per purpose."""

import heapq
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import batched
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError
from redis.retry import Retry

from propagation.choice import Choice
from propagation.stores.base import (
    ChoiceRefused,
    Key,
    Refusal,
    StoreMisconfigured,
    StoreUnavailable,
    UnorderedStore,
)

# A script stops the server for everybody else while it runs: about a millisecond for this many.
SLICE = 500
READ_AT_ONCE = 1000
NEVER = datetime.fromtimestamp(0, UTC)
"""When an entry was changed that does not say so: one that this store did not write."""

# The last argument of both scripts says what a choice replaces: what is older, or `any`.
OLDER, ANY = "older", "any"

WRITE_HASHES = """
local refused = {}
for i, key in ipairs(KEYS) do
  local at = 3 * i - 2
  local held = redis.pcall('HGET', key, 'revision')
  if type(held) == 'table' and held.err then
    if not string.find(held.err, 'WRONGTYPE', 1, true) then return held end
    refused[#refused + 1] = i - 1
  elseif ARGV[#ARGV] == 'any' or (tonumber(held) or 0) < tonumber(ARGV[at + 1]) then
    redis.call('HSET', key,
      'decision', ARGV[at], 'revision', ARGV[at + 1], 'changed_at', ARGV[at + 2])
  end
end
return refused
"""

WRITE_SET = """
for at = 1, #ARGV - 1, 4 do
  local ref = ARGV[at]
  local held = redis.call('HGET', KEYS[2], ref)
  local revision = held and tonumber(string.match(held, '^%d+')) or 0
  if ARGV[#ARGV] == 'any' or revision < tonumber(ARGV[at + 2]) then
    redis.call(ARGV[at + 1] == 'objected' and 'SADD' or 'SREM', KEYS[1], ref)
    redis.call('HSET', KEYS[2], ref, ARGV[at + 2] .. ' ' .. ARGV[at + 3])
  end
end
return {}
"""


@dataclass(frozen=True, slots=True)
class Call:
    """Some choices, and the KEYS and ARGV with which the script takes them."""

    choices: Sequence[Choice]
    keys: Sequence[bytes]
    arguments: Sequence[bytes | int | str]


class RedisStore(UnorderedStore):
    """Each write is one pipeline of scripts, of up to 500 choices each, that compare revisions.

    ``form="hash"``: a hash ``{prefix}{purpose}:{member_ref}`` with the fields ``decision``,
    ``revision`` and ``changed_at`` (ISO 8601, UTC). ``form="set"``: a set
    ``{prefix}{purpose}:objected`` of member_refs, and a hash ``{prefix}{purpose}:revisions`` of
    member_ref to ``"<revision> <changed_at>"``. Colons and percent signs in a purpose are written
    ``%3A`` and ``%25``. Two forms need two prefixes. ``timeout`` is in seconds.

    Durable means what the server's ``appendonly`` and ``appendfsync`` make of it.
    """

    def __init__(
        self,
        url: str,
        prefix: str = "privacydash:",
        form: str = "hash",
        *,
        timeout: float = 5.0,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if form not in FORMS:
            raise StoreMisconfigured(f"form: one of {', '.join(FORMS)} expected")
        self._client = _client(url, timeout)
        self._secrets = _secrets(url)
        self._form = FORMS[form](prefix)
        self._digest = self._client.register_script(self._form.script).sha

    def write(self, choices: Sequence[Choice]) -> None:
        self._write(choices, OLDER)

    def repair(self, choices: Sequence[Choice], extra: Sequence[Key]) -> None:
        for some in batched(filter(_encodable, extra), SLICE):
            with self._reporting():
                self._form.remove(self._client, some)
        self._write(choices, ANY)

    def _write(self, choices: Sequence[Choice], replaces: str) -> None:
        writable = [choice for choice in choices if _encodable(choice.key)]
        refusals = [Refusal(*c.key, "not valid Unicode") for c in choices if not _encodable(c.key)]
        calls = list(self._form.calls(writable))
        for call, refused in zip(calls, self._evaluate(calls, replaces), strict=True):
            refusals += [Refusal(*call.choices[i].key, "its key holds no hash") for i in refused]
        if refusals:
            raise ChoiceRefused(refusals)

    def check(self) -> None:
        with self._reporting():
            self._client.ping()

    def read(self, keys: Iterable[Key]) -> Mapping[Key, Choice]:
        held: dict[Key, Choice] = {}
        for some in batched(filter(_encodable, keys), READ_AT_ONCE):
            with self._reporting():
                held |= {choice.key: choice for choice in self._form.read(self._client, some)}
        return held

    def scan(self, after: Key | None, limit: int) -> Iterator[Choice]:
        """As in the base class; each call walks all keys of the database once (SCAN).

        So ask for many at a time: the walk costs the same for any ``limit``, and memory here grows
        with ``limit`` only. An index would save the walk, but would not show what others added.
        """
        with self._reporting():
            keys = _smallest(self._form.keys(self._client), after, limit)
        for some in batched(keys, READ_AT_ONCE):
            held = self.read(some)
            yield from (held[key] for key in some if key in held)

    def keys(self) -> Iterator[Key]:
        with self._reporting():
            yield from self._form.keys(self._client)

    def _evaluate(self, calls: Sequence[Call], replaces: str) -> list[list[int]]:
        """Run the script for each call; gives the indexes of what each refused."""
        with self._reporting():
            try:
                return self._pipelined(calls, replaces)
            except NoScriptError:  # the server is new, was restarted or failed over
                self._client.script_load(self._form.script)
                return self._pipelined(calls, replaces)

    def _pipelined(self, calls: Sequence[Call], replaces: str) -> list[list[int]]:
        with self._client.pipeline(transaction=False) as pipeline:
            for call in calls:
                arguments = (*call.keys, *call.arguments, replaces)
                pipeline.evalsha(self._digest, len(call.keys), *arguments)
            return list(pipeline.execute())

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:
            said = str(error)
            for secret in self._secrets:
                said = said.replace(secret, "***")
            raise StoreUnavailable(f"redis: {said or type(error).__name__}") from error


class Form(ABC):
    """How choices lie in Redis. Keys of Redis are bytes here, texts are UTF-8."""

    script: ClassVar[str]

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix.encode()
        self.pattern = re.sub(rb"([*?\[\]\\])", rb"\\\1", self.prefix)

    @abstractmethod
    def calls(self, choices: Sequence[Choice]) -> Iterator[Call]:
        """What to call the script with."""

    @abstractmethod
    def read(self, client: redis.Redis, keys: Sequence[Key]) -> Iterator[Choice]:
        """What is held for these keys."""

    @abstractmethod
    def remove(self, client: redis.Redis, keys: Sequence[Key]) -> None:
        """Hold nothing for these keys."""

    @abstractmethod
    def keys(self, client: redis.Redis) -> Iterator[Key]:
        """All keys that are held, in any order, some of them perhaps twice."""


class HashForm(Form):
    script = WRITE_HASHES

    def calls(self, choices: Sequence[Choice]) -> Iterator[Call]:
        for some in batched(choices, SLICE):
            arguments = [v for c in some for v in (c.decision, c.revision, _text(c.changed_at))]
            yield Call(some, [self._name(choice.key) for choice in some], arguments)

    def read(self, client: redis.Redis, keys: Sequence[Key]) -> Iterator[Choice]:
        with client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.hmget(self._name(key), ["decision", "revision", "changed_at"])
            answers = pipeline.execute(raise_on_error=False)
        for key, answer in zip(keys, answers, strict=True):
            if _wrong_type(answer):
                continue  # somebody else's key
            if isinstance(answer, Exception):
                raise answer
            if any(field is not None for field in answer):
                yield _choice(key, *answer)

    def remove(self, client: redis.Redis, keys: Sequence[Key]) -> None:
        with client.pipeline(transaction=False) as pipeline:
            for key in keys:
                pipeline.hdel(self._name(key), "decision", "revision", "changed_at")
            for answer in pipeline.execute(raise_on_error=False):
                if isinstance(answer, Exception) and not _wrong_type(answer):
                    raise answer

    def keys(self, client: redis.Redis) -> Iterator[Key]:
        for name in client.scan_iter(self.pattern + b"*:*", count=SLICE, _type="hash"):
            purpose, _, member_ref = name.removeprefix(self.prefix).partition(b":")
            yield from _decoded(member_ref, purpose)

    def _name(self, key: Key) -> bytes:
        return self.prefix + _escaped(key[1]) + b":" + key[0].encode()


class SetForm(Form):
    script = WRITE_SET

    def calls(self, choices: Sequence[Choice]) -> Iterator[Call]:
        for purpose, group in _by_purpose(choices, lambda choice: choice.purpose).items():
            for some in batched(group, SLICE):
                arguments = [
                    value
                    for c in some
                    for value in (c.member_ref, c.decision, c.revision, _text(c.changed_at))
                ]
                yield Call(some, self._names(purpose), arguments)

    def read(self, client: redis.Redis, keys: Sequence[Key]) -> Iterator[Choice]:
        for purpose, group in _by_purpose(keys, lambda key: key[1]).items():
            objected, revisions = self._names(purpose)
            refs = [member_ref for member_ref, _ in group]
            with client.pipeline(transaction=True) as pipeline:
                pipeline.smismember(objected, refs)
                pipeline.hmget(revisions, refs)
                members, entries = pipeline.execute()
            for key, member, entry in zip(group, members, entries, strict=True):
                if member or entry is not None:
                    # The set decides: it is what the team reads.
                    decision = b"objected" if member else b"allowed"
                    yield _choice(key, decision, *(entry or b"").partition(b" ")[::2])

    def remove(self, client: redis.Redis, keys: Sequence[Key]) -> None:
        for purpose, group in _by_purpose(keys, lambda key: key[1]).items():
            objected, revisions = self._names(purpose)
            refs = [member_ref for member_ref, _ in group]
            with client.pipeline(transaction=True) as pipeline:
                pipeline.srem(objected, *refs)
                pipeline.hdel(revisions, *refs)
                pipeline.execute()

    def keys(self, client: redis.Redis) -> Iterator[Key]:
        for name in client.scan_iter(self.pattern + b"*:objected", count=SLICE, _type="set"):
            for member_ref in client.sscan_iter(name, count=SLICE):
                yield from _decoded(member_ref, self._purpose(name))
        for name in client.scan_iter(self.pattern + b"*:revisions", count=SLICE, _type="hash"):
            for member_ref, _ in client.hscan_iter(name, count=SLICE):
                yield from _decoded(member_ref, self._purpose(name))

    def _names(self, purpose: str) -> list[bytes]:
        stem = self.prefix + _escaped(purpose)
        return [stem + b":objected", stem + b":revisions"]

    def _purpose(self, name: bytes) -> bytes:
        return name.removeprefix(self.prefix).rpartition(b":")[0]


FORMS: dict[str, type[Form]] = {"hash": HashForm, "set": SetForm}


def _client(url: str, timeout: float) -> redis.Redis:
    if not timeout > 0:
        raise StoreMisconfigured("timeout: seconds above zero expected")
    # Once again on a new connection, since one that lay idle may have been cut. A timeout is not
    # tried again here: a server that hangs would be waited for twice.
    retry = Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,))
    try:
        return redis.Redis.from_url(
            url, socket_timeout=timeout, socket_connect_timeout=timeout, retry=retry
        )
    except (ValueError, TypeError, AttributeError):
        # Not the parser's message: it may quote parts of the URL.
        raise StoreMisconfigured("url: not a redis://, rediss:// or unix:// URL") from None


def _secrets(url: str) -> set[str]:
    parts = urlsplit(url)
    given = [parts.password or "", *parse_qs(parts.query).get("password", [])]
    return {secret for text in given for secret in (text, unquote(text)) if secret}


def _encodable(key: Key) -> bool:
    try:
        "".join(key).encode()
    except UnicodeEncodeError:
        return False
    return True


def _escaped(purpose: str) -> bytes:
    return purpose.replace("%", "%25").replace(":", "%3A").encode()


def _decoded(member_ref: bytes, purpose: bytes) -> Iterator[Key]:
    """The key, or nothing if its bytes are no text: then this store did not write it."""
    try:
        yield member_ref.decode(), purpose.decode().replace("%3A", ":").replace("%25", "%")
    except UnicodeDecodeError:
        return


def _by_purpose[T](items: Iterable[T], purpose: Callable[[T], str]) -> dict[str, list[T]]:
    groups: dict[str, list[T]] = {}
    for item in items:
        groups.setdefault(purpose(item), []).append(item)
    return groups


def _smallest(keys: Iterable[Key], after: Key | None, limit: int) -> list[Key]:
    """The ``limit`` smallest keys above ``after``, without holding many more than that."""
    kept: set[Key] = set()
    for key in keys:
        if after is None or key > after:
            kept.add(key)
        if len(kept) > 2 * limit + 1000:
            kept = set(heapq.nsmallest(limit, kept))
    return heapq.nsmallest(limit, kept)


def _wrong_type(answer: object) -> bool:
    return isinstance(answer, ResponseError) and str(answer).startswith("WRONGTYPE")


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _choice(
    key: Key, decision: bytes | None, revision: bytes | None, changed_at: bytes | None
) -> Choice:
    """A held choice; what cannot be read in it comes out as never made, and so differs."""
    return Choice(*key, (decision or b"").decode(errors="replace"), *_parsed(revision, changed_at))


def _parsed(revision: bytes | None, changed_at: bytes | None) -> tuple[int, datetime]:
    try:
        moment = datetime.fromisoformat((changed_at or b"").decode())
        return (int(revision or b""), moment) if moment.tzinfo else (0, NEVER)
    except ValueError:
        return 0, NEVER
