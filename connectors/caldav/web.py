"""One account on a CalDAV server: discovery, and conditional requests whose errors are turned into ours."""

from __future__ import annotations

import functools
import logging
import ssl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from xml.sax.saxutils import escape

import httpx
from lxml import etree

from connectors.errors import ConnectorError, StoreDown, StoreMismatch, StoreReadOnly

_DAV, _CAL = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
_ETAGS = '<?xml version="1.0"?><propfind xmlns="DAV:"><prop><getetag/><resourcetype/></prop></propfind>'
_MULTIGET = (
    '<?xml version="1.0"?><C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">'
    "<prop><getetag/><C:calendar-data/></prop>{hrefs}</C:calendar-multiget>"
)
# At INFO it logs every request's URL, and Airflow shows INFO: users and resources may be named after persons.
logging.getLogger("httpx").setLevel(logging.WARNING)
_GONE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}
_ANSWERS = {*_GONE, HTTPStatus.PRECONDITION_FAILED, HTTPStatus.LOCKED}
_NOT_ACCEPTED = {400, 409, 413, 415, 422}


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar: its path on the server, and the name by which a source finds it (its last segment)."""

    path: str
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A calendar object as it was seen. ``content`` is None where only its etag was asked for."""

    path: str
    etag: str
    content: bytes | None = None


@functools.cache
def _trusted() -> ssl.SSLContext:
    """Whose certificates are accepted: read once, as that takes longer than most requests."""
    return httpx.create_ssl_context()


class Account:
    """Requests of one user. The URL names the server, the user's calendars, or one calendar."""

    def __init__(self, store: str, url: str) -> None:
        """Take `https://user:password@host/path/`; special characters are percent-encoded.

        Raises:
            StoreMismatch: the URL is not of this form.
        """
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is None:
            raise StoreMismatch(store, "its URL is no CalDAV URL", "Write https://user:password@host/path/")
        self.store = store
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        netloc = host if parts.port is None else f"{host}:{parts.port}"
        path = parts.path if parts.path.endswith("/") else parts.path + "/"
        self._base = urlunsplit((parts.scheme, netloc, path, "", ""))
        self._user, self._password = unquote(parts.username), unquote(parts.password or "")
        # an etag belongs to one encoding: without compression, servers in between do not alter it
        self._client = httpx.Client(
            auth=(self._user, self._password), timeout=60, headers={"Accept-Encoding": "identity"}, verify=_trusted()
        )

    def calendars(self) -> list[Calendar]:
        """Every calendar of the account, found from its URL or else from the user's principal."""
        from caldav import DAVClient
        from caldav.collection import CalendarSet
        from caldav.lib.error import DAVError

        self.request("OPTIONS", self._base)  # the library's errors do not tell a wrong password from a server down
        try:
            make: Any = DAVClient  # typed for its asynchronous twin as well
            with make(
                url=self._base, username=self._user, password=self._password, timeout=60,
                enable_rfc6764=False, auth_type="basic", require_tls=False,
            ) as client:  # fmt: skip
                listed: Any = CalendarSet(client, url=self._base).get_calendars()
                found = list(listed)
                found = found or list(client.principal().get_calendars())
                named = [(urlsplit(str(each.url)).path, str(each.get_display_name() or "")) for each in found]
        except (DAVError, OSError):
            raise StoreDown(self.store, "the discovery of its calendars failed", "Check its URL") from None
        return sorted(
            (Calendar(path, unquote(path.rstrip("/").rsplit("/", 1)[-1]), title) for path, title in named),
            key=lambda each: each.path,
        )

    def features(self) -> frozenset[str]:
        """What the server advertises in its DAV header, in lower case."""
        answer = self.request("OPTIONS", self._base)
        return frozenset(each.strip().lower() for each in answer.headers.get("DAV", "").split(","))

    def listing(self, calendar: str) -> list[Resource]:
        """The resources of a calendar with their etags, by path; empty when the calendar is not there.

        Raises:
            ConnectorError: the server cut the listing short, or does not say how a resource stands.
        """
        answer = self.request("PROPFIND", calendar, _ETAGS, {"Depth": "1"})
        if answer.status_code in _GONE:
            return []
        return sorted(self._resources(answer, listing=True), key=lambda each: each.path)

    def several(self, calendar: str, paths: Sequence[str]) -> dict[str, Resource]:
        """Resources with their contents, by path; those that are not there are left out."""
        hrefs = "".join(f"<href>{escape(path)}</href>" for path in paths)
        answer = self.request("REPORT", calendar, _MULTIGET.format(hrefs=hrefs), {"Depth": "1"})
        found = {each.path: each for each in self._resources(answer) if each.content is not None}
        wanted = {unquote(path): path for path in paths}  # servers differ in what they escape
        return {wanted[unquote(path)]: each for path, each in found.items() if unquote(path) in wanted}

    def get(self, path: str) -> Resource | None:
        """A resource, or None if it is not there."""
        answer = self.request("GET", path)
        if answer.status_code in _GONE:
            return None
        return Resource(path, answer.headers.get("ETag", ""), answer.content)

    def request(
        self, method: str, path: str, body: str | bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send a request; 2xx, 404, 410, 412, 423 and refusals of a content come back, everything else is raised.

        Raises:
            StoreDown: no answer, or a server error that may pass.
            StoreReadOnly: forbidden.
            ConnectorError: the account is not accepted, or the request.
        """
        kind = {} if body is None else {"Content-Type": _content_type(body)}
        with self._reaching(method):
            answer = self._client.request(
                method, urljoin(self._base, path), content=body, headers=kind | {**(headers or {})}
            )
        status = answer.status_code
        if answer.is_success or status in _ANSWERS or (method == "PUT" and status in _NOT_ACCEPTED):
            return answer
        if status == HTTPStatus.UNAUTHORIZED:
            raise ConnectorError(self.store, "it did not accept the account", "Check the user and password of its URL")
        if status == HTTPStatus.FORBIDDEN:
            raise StoreReadOnly(self.store, f"it forbids {method}", "Give the account the right")
        if status == HTTPStatus.TOO_MANY_REQUESTS or answer.is_server_error:
            raise StoreDown(self.store, f"it answered {status} to {method}", "Check that it runs; try again later")
        raise ConnectorError(self.store, f"it answered {status} to {method}", "Look at the server's log")

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    @contextmanager
    def _reaching(self, method: str) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            kind = type(error).__name__
            raise StoreDown(self.store, f"no answer to {method} ({kind})", "Check that it runs") from None

    def _resources(self, answer: httpx.Response, *, listing: bool = False) -> Iterator[Resource]:
        try:
            tree = etree.fromstring(answer.content, etree.XMLParser(resolve_entities=False, no_network=True))
        except (etree.XMLSyntaxError, ValueError):
            raise StoreDown(self.store, "its answer is no XML", "Look at the server's log") from None
        for response in tree.iterfind(f"{_DAV}response"):
            path = urlsplit(response.findtext(f"{_DAV}href") or "").path
            if "507" in (response.findtext(f"{_DAV}status") or ""):
                raise ConnectorError(self.store, "it cut a listing short (507)", "Raise the server's limit")
            if response.find(f".//{_DAV}resourcetype/{_DAV}collection") is not None:
                continue
            etag = response.findtext(f"{_DAV}propstat/{_DAV}prop/{_DAV}getetag")
            content = response.findtext(f"{_DAV}propstat/{_DAV}prop/{_CAL}calendar-data")
            if not etag and listing and not _gone(response):  # left out, it would be taken for gone
                raise ConnectorError(self.store, "it lists a resource without its etag", "Look at the server's log")
            if etag:
                yield Resource(path, etag, None if content is None else content.encode())


def _gone(response: Any) -> bool:
    """Whether a resource went while the listing was made."""
    return any(code in (response.findtext(f"{_DAV}status") or "") for code in ("404", "410"))


def _content_type(body: str | bytes) -> str:
    return "application/xml; charset=utf-8" if isinstance(body, str) else "text/calendar; charset=utf-8"
