"""The estate as the use cases see it."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from connectors.base import Connector, Inventory
from connectors.digests import DigestKey
from pipelines.data_map.loading import MapFile, digest_of_maps, read_map
from pipelines.data_map.model import StoreMap
from pipelines.errors import DataMapInvalid, EstateInvalid, SecretMissing, UsageError
from pipelines.estate.config import FILE, EstateConfig, Limit, StoreConfig, read_config
from pipelines.estate.connections import ConnectionStrings, Resolve
from pipelines.estate.terms import figures_of, read_all, unplaced
from retention_rules.lint import Remark, Severity, lint
from retention_rules.loading import load_policy
from retention_rules.policy import Policy
from retention_rules.policy_table import Language
from retention_rules.problems import PolicyInvalid, Problem, suggestion
from retention_rules.term_files import TermsFile

if TYPE_CHECKING:
    from connectors.sql.archive import ArchivePlace
    from pipelines.data_map.approved import Unconfirmed
    from pipelines.engine.database import EngineDatabase
    from pipelines.engine.keys import EngineKeys


@dataclass(frozen=True)
class Estate:
    """A folder of a user's, loaded and valid in itself. Loading reads files only: it reaches no store, writes nothing.

    Policies are loaded when they are first asked for; `check` loads all of them and holds everything together.
    """

    folder: Path
    config: EstateConfig
    map_files: Mapping[str, MapFile]
    connections: ConnectionStrings = field(repr=False)
    unconfirmed: tuple[Unconfirmed, ...] = ()
    terms: tuple[TermsFile, ...] = ()

    @classmethod
    def load(cls, folder: Path, resolve: Resolve | None = None) -> Estate:
        """Read `ardoise.toml` and every data map.

        Args:
            folder: the estate's folder.
            resolve: gives the connection string of an `airflow:` name.

        Raises:
            EstateInvalid: with every problem of all of these files.
            UsageError: the folder is no estate.
        """
        folder = folder.resolve()
        if not (folder / FILE).is_file():
            raise UsageError(f"there is no {FILE}", str(folder), "`ardoise init` writes one.")
        problems: list[Problem] = []
        config = read_config(folder / FILE, problems)
        maps = _read_maps(folder / "data_map", config, problems)
        store_maps = {name: file.map for name, file in maps.items()}
        terms = read_all(folder, tuple(config.controllers) if config else (), store_maps, problems)
        if problems or config is None:
            raise EstateInvalid(sorted(set(problems)))
        return cls(folder, config, maps, ConnectionStrings(folder, resolve), terms=terms)

    # ── what the files say ──

    @property
    def name(self) -> str:
        """The estate's name."""
        return self.config.estate.name

    @property
    def time_zone(self) -> ZoneInfo:
        """The zone in which the estate's days begin."""
        return ZoneInfo(self.config.estate.time_zone)

    @property
    def language(self) -> Language:
        """The language of the estate's reports."""
        return self.config.estate.language

    @property
    def stores(self) -> Mapping[str, StoreConfig]:
        """The stores by name, in the order in which they are acted on: those marked `last` at the end."""
        return dict(sorted(self.config.stores.items(), key=lambda item: item[1].last))

    @property
    def archives(self) -> frozenset[str]:
        """The stores that have an intermediate archive."""
        return frozenset(name for name, store in self.stores.items() if store.archive is not None)

    @property
    def controllers(self) -> tuple[str, ...]:
        """The controllers whose policies the estate has."""
        return tuple(self.config.controllers)

    @property
    def data_maps(self) -> Mapping[str, StoreMap]:
        """The data map of each store that has one, in the order of `stores`; approved and unapproved datasets."""
        return {name: self.map_files[name].map for name in self.stores if name in self.map_files}

    def scopes(self, name: str) -> tuple[str, ...]:
        """Where a person is known: all tenants of a controller's datasets, or the one tenant of this name.

        Raises:
            UsageError: no dataset has such a controller or tenant, so nobody would be found there.
        """
        mapped = [each for store_map in self.data_maps.values() for each in store_map.datasets.values()]
        found = {each.scope for each in mapped if name in {each.controller, each.scope}}
        if not found:
            known = sorted({each.controller for each in mapped} | {each.scope for each in mapped})
            remedy = suggestion(name, known, "Map its datasets first, or name a whole store")
            raise UsageError(f"no dataset has the controller or tenant {name!r}", "data_map/", f"{remedy}.")
        return tuple(sorted(found))

    @cached_property
    def data_map_digest(self) -> str:
        """SHA-256 over the approved datasets of all maps."""
        return digest_of_maps(self.data_maps.values())

    def limit(self, store: str, dataset: str) -> Limit:
        """The limits of one dataset."""
        return self.config.limits.of(store, dataset)

    def acting(self, engine: EngineDatabase) -> Estate:
        """The estate as it may act: a dataset is approved only if the ledger says so of the content that it has now.

        `unconfirmed` of the result lists the others, which the files call approved; they are treated as if they were
        not (R45).
        """
        from pipelines.data_map.approved import approved_digests, unconfirmed, without_approval

        found = unconfirmed(self.data_maps, approved_digests(engine.ledger))
        if not found:
            return self
        files = dict(self.map_files)
        for store in {each.store for each in found}:
            names = frozenset(each.dataset for each in found if each.store == store)
            files[store] = files[store].acting(without_approval(files[store].map, names))
        return replace(self, map_files=files, unconfirmed=tuple(sorted({*self.unconfirmed, *found})))

    # ── policies ──

    @cached_property
    def _policies(self) -> dict[str, Policy]:
        return {}

    def today(self, controller: str, now: dt.datetime) -> dt.date:
        """The day of an instant in the controller's time zone, by which everything of the controller's is decided.

        Raises:
            UsageError: the estate has no such controller.
            EstateInvalid: its policy is invalid; with every problem.
        """
        return now.astimezone(self.policy(controller).time_zone).date()

    def policy(self, controller: str) -> Policy:
        """A controller's policy, its terms looked up: from the estate's `policies/` first, then the shipped packs.

        Raises:
            UsageError: the estate has no such controller.
            EstateInvalid: the policy is invalid; with every problem.
        """
        if controller not in self.config.controllers:
            known = suggestion(controller, self.config.controllers, f"Add it to {FILE}")
            raise UsageError(f"there is no controller {controller!r}", FILE, f"{known}.")
        if controller not in self._policies:
            try:
                policy = load_policy(
                    self.config.controllers[controller].policy,
                    [self.folder / "policies"],
                    figures=figures_of(controller, self.terms, self.data_maps),
                )
            except PolicyInvalid as error:
                raise EstateInvalid([self._near(problem) for problem in error.problems]) from None
            self._policies[controller] = policy
        return self._policies[controller]

    def check(self) -> Mapping[str, Policy]:
        """Load every policy and hold the data maps against them; the policies by controller.

        Raises:
            EstateInvalid: with every problem of all policies and all maps.
        """
        problems: list[Problem] = []
        policies = {}
        for controller in self.controllers:
            try:
                policies[controller] = self.policy(controller)
            except EstateInvalid as error:
                problems.extend(error.problems)
        broken = set(self.controllers) - set(policies)
        for file in self.map_files.values():
            problems.extend(file.check_policies(policies, ignore=broken))
        for controller, policy in policies.items():
            problems.extend(self.misfits(policy, controller))
        if problems:
            raise EstateInvalid(sorted(set(problems)))
        return policies

    def lint(self, policy: Policy, controller: str = "") -> tuple[Remark, ...]:
        """Every remark on a policy, by itself and against the approved datasets of its controller; errors first.

        ``controller``: whose datasets, where the policy is a pack that several share.
        """
        held: dict[str, list[str]] = {}
        supplied: set[str] = set()
        for store, store_map in self.data_maps.items():
            for name, dataset in store_map.active.items():
                if dataset.controller == (controller or policy.controller):
                    held[f"{store}.{name}"] = [each.category for each in dataset.personal.values()]
                    supplied |= set(dataset.events)
        return lint(policy, held=held, supplied=supplied)

    def misfits(self, policy: Policy, controller: str) -> list[Problem]:
        """Why the policy and the approved datasets do not fit: purposes, categories and events left hanging.

        Datasets that do not act because nobody approved them as they are come along: they may be what is missing.
        """
        from pipelines.scan.candidates import how_to_supply

        name = self.config.controllers[controller].policy
        own = f"policies/{name}.yaml"
        where = own if (self.folder / own).is_file() else f"policy {name}"
        found = [
            Problem(where, 0, each.what, how_to_supply(self, controller, each.event) if each.event else each.remedy)
            for each in self.lint(policy, controller)
            if each.severity is Severity.ERROR
        ]
        found += unplaced(policy, controller, figures_of(controller, self.terms, self.data_maps), self.data_maps)
        silent = [Problem(self.map_files[each.store].name, 0, each.what, each.remedy) for each in self.unconfirmed]
        return found + silent if found else []

    def check_store(self, store: str, inventory: Inventory) -> None:
        """Hold a store's data map against what the store has.

        Raises:
            DataMapInvalid: with every table and column that is not there.
        """
        if store in self.map_files:
            problems = self.map_files[store].check_against(inventory)
            if problems:
                raise DataMapInvalid(problems)

    # ── state and connections ──

    @property
    def state(self) -> Path:
        """The state folder, made on first use and readable by its owner alone."""
        folder = self.folder / self.config.estate.state
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    @property
    def index_file(self) -> Path:
        """The index of item stores."""
        return self.state / "index.duckdb"

    def plan_folder(self, digest: str) -> Path:
        """Where a plan's evidence is kept until its run is done."""
        return self._made(self.state / "plans" / digest)

    @property
    def reports(self) -> Path:
        """Where reports are written."""
        return self._made(self.state / "reports")

    @property
    def proposals(self) -> Path:
        """Where the scan writes its proposals."""
        return self._made(self.folder / "proposals")

    @cached_property
    def keys(self) -> EngineKeys:
        """The secrets of the engine database, made on first use."""
        from pipelines.engine.keys import EngineKeys

        return EngineKeys.load_or_create(self.state / "key")

    @property
    def key(self) -> DigestKey:
        """The key of the subjects' digests."""
        return self.keys.digest

    def connector(self, store: str) -> Connector:
        """A new connector to a store; close it.

        Raises:
            UsageError: there is no such store.
            SecretMissing: its connection string is not where the estate says.
        """
        from connectors.registry import open_connector

        config = self.store(store)
        read = self.connections.find(config.read, f"[stores.{store}] read")
        write = None if config.write is None else self.connections.find(config.write, f"[stores.{store}] write")
        return open_connector(config.kind, store, read, write, **config.options, **self._archive(store, config))

    def writer(self, store: str) -> str | None:
        """The role that writes to a SQL store, if its address can be found and names one."""
        from connectors.sql.engines import parse_url

        config = self.store(store)
        if config.write is None:
            return None
        try:
            return parse_url(store, self.connections.find(config.write, f"[stores.{store}] write")).username
        except SecretMissing:
            return None

    def _archive(self, store: str, config: StoreConfig) -> dict[str, ArchivePlace]:
        """What the connector has to know of the store's archive, where it has one."""
        from connectors.sql.archive import ArchivePlace

        if config.archive is None:
            return {}
        read = self.connections.find(config.archive.read, f"[stores.{store}.archive] read")
        return {"archive": ArchivePlace(config.archive.place, read)}

    @contextlib.contextmanager
    def connected(self, store: str) -> Iterator[Connector]:
        """A connector that is closed at the end of the block."""
        connector = self.connector(store)
        try:
            yield connector
        finally:
            connector.close()

    def choose_models(self) -> None:
        """Let this process read free text with the estate's models. A folder is meant from the estate's."""
        from pipelines.classify.models import Models, choose

        named = self.config.models.model_dump(exclude_none=True)
        folders = {kind: self.folder / name for kind, name in named.items()}
        choose(Models(**{kind: str(folder) if folder.is_dir() else named[kind] for kind, folder in folders.items()}))

    def store(self, name: str) -> StoreConfig:
        """A store's configuration.

        Raises:
            UsageError: there is no such store.
        """
        if name not in self.config.stores:
            known = suggestion(name, self.config.stores, f"Add it to {FILE}")
            raise UsageError(f"there is no store {name!r}", FILE, f"{known}.")
        return self.config.stores[name]

    def engine(self) -> EngineDatabase:
        """The engine database, opened and up to date; close it.

        Raises:
            EngineDown: it cannot be reached or written, or belongs to other keys.
        """
        from pipelines.engine.database import EngineDatabase

        url = self.connections.find(self.config.engine.database, "[engine] database")
        approval = self.config.approval
        return EngineDatabase.open(url, self.keys, two_persons=approval.two_persons, two_release=approval.two_release)

    def _near(self, problem: Problem) -> Problem:
        """The problem with its file named from the estate's folder, where it lies in it."""
        path = Path(problem.file)
        return (
            replace(problem, file=str(path.relative_to(self.folder))) if path.is_relative_to(self.folder) else problem
        )

    def _made(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _read_maps(folder: Path, config: EstateConfig | None, problems: list[Problem]) -> dict[str, MapFile]:
    found: dict[str, MapFile] = {}
    for path in sorted(folder.glob("*.yaml")):
        name = f"{folder.name}/{path.name}"
        loaded = read_map(path, problems, name)
        if loaded is None:
            continue
        store = loaded.map.store
        line = loaded.source.line(("store",))
        if store in found:
            what = f"the store `{store}` has a map already, {found[store].name}"
            problems.append(Problem(name, line, what, "Keep one file for each store"))
        elif config is not None and store not in config.stores:
            remedy = suggestion(store, config.stores, f"Add the store to {FILE}")
            problems.append(Problem(name, line, f"the estate has no store `{store}`", remedy))
        found[store] = loaded
    return found
