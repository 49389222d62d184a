"""The demonstration's four real stores, and the estate that is connected to them.

`DemoStores` is the seam for everything that needs a company to work on: the `demo` command, `make airflow`, and the
tests from the planner to the whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from functools import cached_property
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import URL

from expectations.canaries import Canaries
from pipelines.data_map.review import confirm
from pipelines.demo.canaries import plant
from pipelines.demo.company import SEED, Company, generate
from pipelines.demo.moments import MAPPED, at_paris
from pipelines.demo.seeding import seed_billing, seed_calendars, seed_crm, seed_mail
from pipelines.demo.servers.caldav import CaldavServer
from pipelines.demo.servers.imap import ImapServer
from pipelines.demo.servers.postgres import PostgresServer
from pipelines.estate import Estate
from pipelines.progress import Progress, silent

MAIL_USER = "office"
CALENDAR_USER = "office"
OFFICER = "demo.dpo"
"""Who approves in the demonstration."""
_READER = "auditor"
_STAGES = ("inventing", "writing", "PostgreSQL", "mail and calendar")
_SECRETS = ("crm_read", "crm_write", "mail", "calendar", "calendar_read")


class DemoStores:
    """The stores and the estate under ``folder``; started and seeded on entry, stopped on exit.

    A folder that was seeded before is started as it is, whatever has been done to it since; its seed and scale are
    its own. With ``detached`` the servers outlive this process, until `stop` is called from any process.
    """

    def __init__(
        self, folder: Path, seed: int = SEED, scale: float = 1.0, *, detached: bool = False, canaries: bool = True
    ) -> None:
        self.folder = folder.resolve()
        known = self._recorded()
        self.seed = int(known.get("seed", seed))
        self.scale = float(known.get("scale", scale))
        self._with_canaries = bool(known.get("canaries", canaries))
        self.folder.mkdir(parents=True, exist_ok=True)
        words = self._words()
        self.postgres = PostgresServer(self._stores / "crm", detached=detached)
        self.imap = ImapServer(self._stores / "mail", {MAIL_USER: words["mail"]}, detached=detached)
        self.caldav = CaldavServer(
            self._stores / "calendar",
            {CALENDAR_USER: words["calendar"]},
            {_READER: words["calendar_read"]},
            detached=detached,
        )

    @property
    def estate(self) -> Path:
        """The estate's folder: `ardoise.toml`, data maps, connection strings."""
        return self.folder / "estate"

    @property
    def billing(self) -> Path:
        """The billing database."""
        return self._stores / "billing" / "billing.sqlite"

    @property
    def crm_admin(self) -> str:
        """The URL of the CRM as its administrator; no part of the estate."""
        return self.postgres.url("crm")

    @property
    def data_folders(self) -> tuple[Path, ...]:
        """Where the item stores keep their files: what a search on disk looks through."""
        return (self.imap.folder / "mail", self.caldav.folder / "storage")

    @cached_property
    def company(self) -> Company:
        """What was seeded, as it was before anything acted on it."""
        return self._generated[0]

    @cached_property
    def canaries(self) -> Canaries:
        """The unique values planted on persons who are due; known to this process alone."""
        return self._generated[1]

    @cached_property
    def _generated(self) -> tuple[Company, Canaries]:
        company = generate(self.seed, self.scale)
        return company, plant(company, self.seed) if self._with_canaries else Canaries(())

    def start(self, progress: Progress = silent) -> Self:
        """Seed on first use, start the servers, write the estate.

        Raises:
            ServerFailed: a server did not answer.
        """
        fresh = not self._recorded()
        if fresh:
            progress("Inventing the company", 0, len(_STAGES))
            company = self.company
            progress("Writing mail, calendars and billing", 1, len(_STAGES))
            for folder in (self.imap.folder / "mail", self.caldav.folder / "storage", self.billing.parent):
                shutil.rmtree(folder, ignore_errors=True)  # of a first use that was interrupted
            seed_mail(self.imap, MAIL_USER, company.mails)
            seed_calendars(self.caldav, CALENDAR_USER, company.meetings)
            self.billing.parent.mkdir(parents=True)
            seed_billing(self.billing, company.billing)
        try:
            progress("Starting PostgreSQL", 2, len(_STAGES))
            self.postgres.start()
            if fresh:
                self._create_crm()
            progress("Starting the mail and calendar servers", 3, len(_STAGES))
            self.imap.start()
            self.caldav.start()
        except BaseException:
            self.stop()
            raise
        progress("Stores ready", len(_STAGES), len(_STAGES))
        self._write_estate()
        if fresh:
            record = {"seed": self.seed, "scale": self.scale, "canaries": self._with_canaries}
            self._record_file.write_text(json.dumps(record))
        return self

    def stop(self) -> None:
        """Stop the servers; the stores stay on disk. Stops detached ones as well."""
        for server in (self.caldav, self.imap, self.postgres):
            server.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    # -- inside

    @property
    def _stores(self) -> Path:
        return self.folder / "stores"

    @property
    def _record_file(self) -> Path:
        return self.folder / "seeded.json"

    def _recorded(self) -> dict[str, float]:
        with contextlib.suppress(OSError, ValueError):
            found: dict[str, float] = json.loads(self._record_file.read_text())
            return found
        return {}

    def _words(self) -> dict[str, str]:
        """The passwords of this folder's servers: random, kept in a file that only its owner reads."""
        path = self.folder / "passwords.json"
        if not path.exists():
            _write_secret(path, json.dumps({name: secrets.token_urlsafe(18) for name in _SECRETS}))
        found: dict[str, str] = json.loads(path.read_text())
        return found

    def _create_crm(self) -> None:
        words = self._words()
        self.postgres.create_role("ardoise_read", words["crm_read"])
        self.postgres.create_role("ardoise_write", words["crm_write"])
        self.postgres.drop_database("crm")
        self.postgres.create_database("crm")
        seed_crm(self.crm_admin, self.company.crm)

    def _write_estate(self) -> None:
        """Copy the packaged estate on first use; the connection strings follow the servers at every start."""
        template = resources.files("pipelines.demo").joinpath("estate")
        if not (self.estate / "ardoise.toml").exists():
            with resources.as_file(template) as source:
                shutil.copytree(source, self.estate, dirs_exist_ok=True)
            for name in ("policies", "proposals"):
                (self.estate / name).mkdir(exist_ok=True)
        connections = self.estate / "connections"
        connections.mkdir(mode=0o700, exist_ok=True)
        for name, url in self._urls().items():
            _write_secret(connections / name, url + "\n")
        self._approve_maps()

    def _approve_maps(self) -> None:
        """Enter in the ledger, once, that the packaged data maps are approved; later changes of theirs are not."""
        estate = Estate.load(self.estate)
        with contextlib.closing(estate.engine()) as engine:
            if next(engine.ledger.entries("map_approved"), None) is None:
                for store in estate.data_maps:
                    confirm(estate, store, by=OFFICER, at=at_paris(MAPPED), engine=engine)

    def _urls(self) -> dict[str, str]:
        words = self._words()
        billing = URL.create("sqlite", database=str(self.billing)).render_as_string(hide_password=False)
        return {
            "crm.read": self.postgres.url("crm", "ardoise_read", words["crm_read"]),
            "crm.write": self.postgres.url("crm", "ardoise_write", words["crm_write"]),
            "billing.read": billing,
            "billing.write": billing,
            "mail.read": self.imap.url(MAIL_USER),
            "mail.write": self.imap.url(MAIL_USER),
            "calendar.read": self.caldav.url(CALENDAR_USER, _READER),
            "calendar.write": self.caldav.url(CALENDAR_USER),
        }


def _write_secret(path: Path, text: str) -> None:
    """Write a file that is readable by its owner alone from the first moment on."""
    scratch = path.with_name(f".{path.name}.new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    scratch.replace(path)
