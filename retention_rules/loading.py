"""From YAML files to a policy: includes resolved, names checked, every problem reported at once.

`documents` reads the text, `shapes` checks each file by itself, and this module joins the files and checks what one
name says about another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, assert_never
from zoneinfo import ZoneInfo

from retention_rules.canonical import digest_of
from retention_rules.conditions import Among, Compare, Condition, Is, Named, leaves
from retention_rules.documents import Document, Place, read
from retention_rules.events import EventKind
from retention_rules.lint import twins
from retention_rules.policy import Policy
from retention_rules.problems import PolicyInvalid, Problem, suggestion
from retention_rules.purposes import Basis, Branch, Purpose, Right
from retention_rules.shapes import FactKind, PolicyShape, PurposeShape, TermShape, policy_shape, purpose_shape
from retention_rules.terms import LOOKED_UP_BY, Figures, Term, lowered, out_of_bounds, problems_of, unanswered

__all__ = ["PACKS", "PolicyInvalid", "Problem", "load_policy"]

PACKS = Path(__file__).with_name("policies")
"""The policies that are shipped; an estate's own come before them."""

TAXONOMY_ROOTS = frozenset({"user", "system"})
"""The roots of the IAB Tech Lab privacy taxonomy; any other root of a category is the policy's own, and declared."""

SECTIONS = ("categories", "groups", "events", "supplied", "facts", "terms", "ended_by")


NO_FIGURES = Figures()


def load_policy(policy: str | Path, search: Sequence[Path] = (), *, figures: Figures | None = NO_FIGURES) -> Policy:
    """The validated policy of a name or a file.

    Args:
        policy: the name of a policy (`julien`), or the path of a YAML file.
        search: the folders in which names are looked up, in order, before the shipped packs.
        figures: what the tenants and contracts of its controller give for its terms. ``None`` reads the policy by
            itself, to be looked at: a term without a figure of the policy's own then waits for one, and what would
            need it is undetermined.

    Raises:
        PolicyInvalid: with every problem of the file and of those that it includes.
    """
    named = isinstance(policy, str) and not policy.endswith((".yaml", ".yml"))
    folders = (*search, PACKS) if named else (Path(policy).parent, *search, PACKS)
    path = _find(str(policy), folders) if named else Path(policy)
    if path is None:
        known = {each.stem for folder in folders for each in folder.glob("*.yaml")}
        remedy = suggestion(str(policy), known, f"Known are: {', '.join(sorted(known))}")
        raise PolicyInvalid([Problem(f"{policy}.yaml", 0, f"there is no policy `{policy}`", remedy)])
    joined = _Joined()
    root, shape = _join(path, folders, joined, ())
    check = _Check(joined, figures)
    loaded = check.policy(root, shape)
    problems = [*check.problems, *(problem for document in joined.documents for problem in document.problems)]
    if loaded is None or problems:
        raise PolicyInvalid(problems)
    return replace(loaded, digest=digest_of(loaded))


def _find(name: str, folders: Iterable[Path]) -> Path | None:
    return next((path for folder in folders if (path := folder / f"{name}.yaml").is_file()), None)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A named thing and where it was written."""

    value: Any
    document: Document
    place: Place

    def blame(self, what: str, remedy: str) -> None:
        self.document.blame(self.place, what, remedy)

    def at(self, *keys: str | int) -> _Entry:
        """The same thing, to be blamed at a key inside it."""
        return replace(self, place=(*self.place, *keys))


@dataclass(slots=True)
class _Joined:
    """The entries of a policy and its includes, the later replacing the earlier by name."""

    documents: list[Document] = field(default_factory=list)
    sections: dict[str, dict[str, _Entry]] = field(default_factory=lambda: {name: {} for name in SECTIONS})
    purposes: dict[str, _Entry] = field(default_factory=dict)
    fragments: dict[str, _Entry] = field(default_factory=dict)
    """The purposes that do not fit, as they are written: what they name is looked at all the same."""
    never_held: dict[str, _Entry] = field(default_factory=dict)
    time_zone: str | None = None
    broken: set[str] = field(default_factory=set)
    """Names whose definition does not fit: blamed once, not at each use."""

    def names(self, section: str) -> set[str]:
        return set(self.sections[section]) | self.broken


def _join(
    path: Path, folders: Iterable[Path], joined: _Joined, around: tuple[Path, ...]
) -> tuple[Document, PolicyShape]:
    """Add a file to what is joined, after the files that it includes."""
    document = read(path)
    joined.documents.append(document)
    shape = policy_shape(document)
    for index, name in enumerate(shape.include):
        place: Place = ("include", index)
        included = _find(name, folders)
        if included is None:
            known = {each.stem for folder in folders for each in folder.glob("*.yaml")}
            document.blame(
                place, f"there is no policy `{name}` to include", suggestion(name, known, "Correct the name")
            )
        elif included.resolve() in {each.resolve() for each in (*around, path)}:
            document.blame(place, f"`{name}` includes itself", "Remove one of the includes of the circle")
        elif str(included) not in {each.file for each in joined.documents}:
            _join(included, folders, joined, (*around, path))
    _add(joined, document, shape)
    return document, shape


def _add(joined: _Joined, document: Document, shape: PolicyShape) -> None:
    joined.time_zone = shape.time_zone or joined.time_zone
    for section in SECTIONS:
        written = document.content.get(section)
        values: Mapping[str, Any] = getattr(shape, section)
        joined.broken |= set(written if isinstance(written, dict) else ()) - set(values)
        for name, value in values.items():
            entry = _Entry(value, document, (section, name))
            before = joined.sections[section].get(name)
            if section == "terms":
                entry = replace(entry, value=_declared(name, value, before.value if before else None))
            elif before and section in {"events", "supplied"} and before.value != value:
                entry.blame(
                    f"`{name}` is {before.value} where it is included from", "Use another name, or the same kind"
                )
            joined.sections[section][name] = entry
    for index, key in enumerate(shape.never_held):
        joined.never_held[key] = _Entry(key, document, ("never_held", index))
    for name, content in shape.purposes.items():
        purpose = purpose_shape(document, name, content)
        entry = _Entry(purpose, document, ("purposes", name))
        joined.purposes[name] = entry
        if purpose is None:
            joined.fragments[name] = replace(entry, value=content)
        else:
            joined.fragments.pop(name, None)


def _declared(name: str, shape: TermShape, before: Term | None) -> Term:
    """A term; what is not said of it stays as it is where it is included from."""
    included = before or Term(name)
    return Term(name, shape.default or included.default, shape.within or included.within, shape.means or included.means)


class _Check:
    """What one name says about another, over everything that is joined; ``problems`` lie in other files than those."""

    def __init__(self, joined: _Joined, figures: Figures | None) -> None:
        self._joined = joined
        self._figures = figures
        self.problems: list[Problem] = []

    def policy(self, root: Document, shape: PolicyShape) -> Policy | None:
        """The policy, still without its digest; nothing when its head is not whole."""
        self._looked_up()
        self._clashes()
        self._categories()
        for name, entry in self._joined.sections["facts"].items():
            self._condition(entry, entry.value)
            self._circle(name, entry)
        for basis, entry in self._joined.sections["ended_by"].items():
            self._ends(entry, Basis(basis), entry.value)
        purposes = self._purposes(root)
        self._terms(purposes)
        zone = self._zone(root)
        controller = shape.controller or ""
        alone = self._figures is None  # what others include may leave the controller to them
        for key, value in (("policy", shape.policy), ("controller", controller or alone)):
            if not value and not any(f"`{key}`" in problem.what for problem in root.problems):
                root.blame((), f"`{key}` is missing", f"Write `{key}: name` at the top")
        if zone is None:
            return None
        sections = self._joined.sections
        return Policy(
            name=shape.policy or "",
            controller=controller,
            time_zone=zone,
            purposes=tuple(purposes),
            events=_values(sections["events"], EventKind),
            facts=_values(sections["facts"]),
            supplied_facts=_values(sections["supplied"], str),
            groups=_values(sections["groups"], frozenset),
            never_held=frozenset(self._joined.never_held),
            categories=_values(sections["categories"]),
            terms=_values(sections["terms"]),
            digest="",
        )

    def _zone(self, root: Document) -> ZoneInfo | None:
        name = self._joined.time_zone
        if name is None:
            root.blame(("time_zone",), "`time_zone` is missing", "Name the controller's, such as `Europe/Paris`")
            return None
        try:
            return ZoneInfo(name)
        except (KeyError, OSError, ValueError):  # unknown, a folder of zones, no name at all
            root.blame(("time_zone",), f"there is no time zone `{name}`", "Use a name such as `Europe/Paris`")
            return None

    def _looked_up(self) -> None:
        """The facts that terms are looked up by are there in every policy with terms, and in no other sense."""
        sections = self._joined.sections
        for name in LOOKED_UP_BY:
            for section in ("events", "supplied", "facts"):
                if name in sections[section]:
                    what = f"`{name}` is the fact by which terms are looked up"
                    sections[section].pop(name).blame(what, "Give this one another name")
            if sections["terms"]:
                sections["supplied"][name] = replace(next(iter(sections["terms"].values())), value=FactKind.TEXT)

    def _terms(self, purposes: Iterable[Purpose]) -> None:
        """Every figure is within its bounds, the policy's own and those given; every term in use has one."""
        entries = self._joined.sections["terms"]
        for entry in entries.values():
            if entry.value.default and (complaint := out_of_bounds(entry.value, entry.value.default)):
                entry.blame(complaint, "Give a figure within the bounds")
        if self._figures is None:
            return
        self.problems.extend(problems_of(_values(entries), self._figures))
        for name in sorted({branch.term for purpose in purposes for branch in purpose.periods if branch.term}):
            for tenant in unanswered(entries[name].value, self._figures):
                who = f"neither `{tenant}` nor a contract of it" if tenant else "no tenant and no contract"
                entries[name].blame(
                    f"the term `{name}` has no figure: {who} gives one, and the policy has none of its own",
                    f"Write it in a file of `terms/` (`terms: {{{name}: 3 years}}`), or give the policy a `default`",
                )

    def _clashes(self) -> None:
        """A name means one thing: among events and facts, and among groups and categories."""
        sections = self._joined.sections
        for spaces in (("events", "supplied", "facts"), ("categories", "groups")):
            seen: dict[str, str] = {}
            for section in spaces:
                for name, entry in sections[section].items():
                    if name in seen:
                        entry.blame(f"`{name}` is already one of the {seen[name]}", "Give one of them another name")
                    seen.setdefault(name, section)

    def _categories(self) -> None:
        for name, entry in self._joined.sections["groups"].items():
            for index, key in enumerate(entry.value):
                if key in self._joined.sections["groups"]:
                    entry.at(index).blame(f"group `{name}` holds the group `{key}`", "List the categories themselves")
                else:
                    self._category(entry.at(index), key)
        for entry in self._joined.never_held.values():
            self._category(entry, entry.value)

    def _category(self, entry: _Entry, key: str) -> None:
        declared, groups = self._joined.names("categories"), self._joined.names("groups")
        ancestors = {key[:end] for end, each in enumerate(f"{key}.") if each == "."}
        if not ancestors & (TAXONOMY_ROOTS | declared) and key not in groups:
            remedy = "Declare it under `categories` or `groups`, or use a key of the IAB taxonomy (`user.…`)"
            entry.blame(f"there is no category or group `{key}`", suggestion(key, declared | groups, remedy))

    def _condition(self, entry: _Entry, condition: Condition) -> None:
        for leaf in leaves(condition):
            match leaf:
                case Is(name):
                    self._event(entry, name)
                case Named(name):
                    self._fact(entry, name, FactKind.BOOLEAN, "facts", "supplied")
                case Compare(name):
                    self._fact(entry, name, FactKind.NUMBER, "supplied")
                case Among(name):
                    self._fact(entry, name, FactKind.TEXT, "supplied")
                case _ as never:
                    assert_never(never)

    def _fact(self, entry: _Entry, name: str, kind: FactKind, *sections: str) -> None:
        joined = self._joined.sections
        if name in joined["events"] and name not in joined["facts"] and name not in joined["supplied"]:
            entry.blame(f"`{name}` is an event, not a fact", f"Write `{name} is known`, or another of its four states")
        elif name in joined["supplied"] and joined["supplied"][name].value is not kind:
            entry.blame(
                f"`{name}` is not a {kind}",
                'Compare numbers (`amount >= 120`) and texts (`status = "gold"`); use booleans by their bare name',
            )
        elif name in joined["facts"] and "facts" not in sections:
            entry.blame(f"`{name}` is a condition and cannot be compared", "Use it by its bare name")
        else:
            known = set().union(*(self._joined.names(section) for section in sections))
            if name not in known:
                remedy = f"Define it under `facts`, or declare it under `supplied`: {kind}"
                entry.blame(f"there is no fact `{name}`", suggestion(name, known, remedy))

    def _event(self, entry: _Entry, name: str) -> None:
        known = self._joined.names("events")
        if name not in known:
            remedy = suggestion(name, known, f"Declare it under `events`: {', '.join(EventKind)}")
            entry.blame(f"there is no event `{name}`", remedy)

    def _circle(self, name: str, entry: _Entry) -> None:
        facts = self._joined.sections["facts"]
        reached: set[str] = set()
        waiting = [entry.value]
        while waiting:
            names = {leaf.name for leaf in leaves(waiting.pop()) if isinstance(leaf, Named)}
            waiting += [facts[each].value for each in names - reached if each in facts]
            reached |= names
        if name in reached:
            entry.blame(f"the fact `{name}` is defined by itself", "Break the circle")

    def _purposes(self, root: Document) -> list[Purpose]:
        if not self._joined.purposes:
            root.blame(("purposes",), "no purpose is defined", "Without one, nothing would have a reason to be kept")
        for entry in self._joined.fragments.values():
            self._fragment(entry)
        whole = {name: entry for name, entry in self._joined.purposes.items() if entry.value is not None}
        purposes = [self._purpose(name, entry, entry.value) for name, entry in whole.items()]
        for first, second in twins(purposes, _values(self._joined.sections["groups"], frozenset)):
            whole[second.name].blame(
                f"`{second.name}` and `{first.name}` have the same basis, categories, starting point and `when`",
                "Keep the one with the right period, or say in `when` or `keeps` how they differ",
            )
        return purposes

    def _fragment(self, entry: _Entry) -> None:
        """What a purpose that does not fit says of categories and events, so that all mistakes are named at once."""
        keeps, after = entry.value.get("keeps"), entry.value.get("after")
        for index, key in enumerate(keeps if isinstance(keeps, list) else ()):
            if isinstance(key, str):
                self._category(entry.at("keeps", index), key)
        chosen = list(after.values()) if isinstance(after, dict) else [after]
        for event in [each for some in chosen for each in (some if isinstance(some, list) else [some])]:
            if isinstance(event, str):
                self._event(entry.at("after"), event)

    def _purpose(self, name: str, entry: _Entry, shape: PurposeShape) -> Purpose:
        for index, key in enumerate(shape.keeps):
            self._category(entry.at("keeps", index), key)
        for event in shape.after.events:
            self._event(entry.at("after"), event)
        if shape.when is not None:
            self._condition(entry.at("when"), shape.when)
        branches: list[Branch] = []
        for written in shape.period:
            if written.when is not None:
                self._condition(entry.at("for"), written.when)
            if isinstance(written.period, str):
                term = self._term(entry.at("for"), written.period)
                branches += lowered(term, self._figures, written.when) if term else []
            else:
                branches.append(Branch(written.period, written.when))
        return Purpose(
            name=name,
            basis=shape.basis,
            source=shape.source,
            keeps=frozenset(shape.keeps),
            starting_point=shape.after,
            end_action=shape.then,
            periods=tuple(branches),
            when=shape.when,
            ended_by=self._ended_by(entry, shape),
            line=entry.document.line(entry.place),
            file=entry.document.file,
        )

    def _ended_by(self, entry: _Entry, shape: PurposeShape) -> str:
        """What ends a purpose: what it says itself, else what ends all that rest on its basis."""
        if shape.ended_by:
            self._ends(entry.at("ended_by"), shape.basis, shape.ended_by)
            return shape.ended_by
        general = self._joined.sections["ended_by"].get(shape.basis)
        return general.value if general else ""

    def _ends(self, entry: _Entry, basis: Basis, event: str) -> None:
        self._event(entry, event)
        if not any(basis in right.bases for right in Right):
            entry.blame(
                f"no request of a person's ends what rests on {basis}",
                "An objection ends legitimate interests and public tasks, a withdrawal consents; leave it out here",
            )

    def _term(self, entry: _Entry, name: str) -> Term | None:
        found = self._joined.sections["terms"].get(name)
        if found is None and name not in self._joined.broken:
            remedy = f"Declare it under `terms` (`{name}: 3 years`), or write the period here"
            entry.blame(f"there is no term `{name}`", suggestion(name, self._joined.names("terms"), remedy))
        return found.value if found else None


def _values(entries: Mapping[str, _Entry], of: Callable[[Any], Any] | None = None) -> Mapping[str, Any]:
    return MappingProxyType({name: of(entry.value) if of else entry.value for name, entry in entries.items()})
