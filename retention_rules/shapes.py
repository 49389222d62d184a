"""The shape of a policy file, checked by pydantic, and its complaints in the words of the rule language."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails

from retention_rules.conditions import Condition, parse
from retention_rules.documents import Document, Place
from retention_rules.events import EventKind
from retention_rules.periods import Period
from retention_rules.problems import suggestion
from retention_rules.purposes import Basis, Choice, EndAction, StartingPoint
from retention_rules.terms import no_longer

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_CATEGORY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")


class FactKind(enum.StrEnum):
    """What a dataset supplies under the name of a fact."""

    BOOLEAN = "boolean"
    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class WrittenBranch:
    """A period as it was written: itself, or the name of a term that holds it."""

    period: Period | str
    when: Condition | None = None


class _Unfit(ValueError):
    """A value that does not fit, with what is wrong and what to do."""

    def __init__(self, what: str, remedy: str) -> None:
        self.remedy = remedy
        super().__init__(what)


def _name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise _Unfit(f"`{value}` is no name", "Use small letters, digits and underscores, a letter first")
    return value


def _category(value: Any) -> str:
    if not isinstance(value, str) or not _CATEGORY.fullmatch(value):
        raise _Unfit(f"`{value}` is no category or group", "Write it like `user.contact.email` or `identity`")
    return value


def _sentence(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Unfit("a text is expected and there is none", "Fill it in")
    return value.strip()


def _condition(value: Any) -> Condition:
    if not isinstance(value, str):
        raise _Unfit("a condition is one line of text", "Write it like `not client and amount >= 120`")
    return parse(value)


def _starting_point(value: Any) -> StartingPoint:
    match value:
        case str():
            return StartingPoint((value,))
        case {"latest": [*events]} | {"earliest": [*events]} if (
            len(value) == 1 and events and all(isinstance(each, str) for each in events)
        ):
            return StartingPoint(tuple(map(str, events)), Choice(next(iter(value))))
    raise _Unfit(
        "this is no starting point", "Write an event, `{latest: [one, another]}` or `{earliest: [one, another]}`"
    )


def _period(value: Any) -> Period:
    return Period.parse(_sentence(value))


def _bounds(value: Any) -> tuple[Period, Period]:
    match value:
        case [str(shortest), str(longest)]:
            low, high = Period.parse(shortest), Period.parse(longest)
            if no_longer(low, high):
                return low, high
            raise _Unfit(f"{low} may be longer than {high}", "Write the shorter period first")
        case _:
            raise _Unfit("bounds are the shortest and the longest period", "Write them like `[3 years, 10 years]`")


def _branches(value: Any) -> tuple[WrittenBranch, ...]:
    texts = value if isinstance(value, list) else [value]
    if not texts:
        raise _Unfit("the list is empty", "Give a period, or leave `for` out")
    branches = tuple(_branch(text) for text in texts)
    if any(branch.when is None for branch in branches[:-1]):
        raise _Unfit("only the last period of a list goes without `when`", "What follows such a one would never apply")
    if branches[-1].when is not None:
        raise _Unfit("the period has no bound when no condition holds", "End the list with a period without `when`")
    return branches


def _branch(value: Any) -> WrittenBranch:
    text, when, condition = re.sub(r"\s+", " ", _sentence(value)).partition(" when ")
    named = _NAME.fullmatch(text) and not re.fullmatch(r"p\d.*", text)
    return WrittenBranch(text if named else Period.parse(text), parse(condition) if when else None)


_UNIT = r"\d+\s*(year|month|week|day)s?"
PERIOD = rf"^\s*([Pp](\d+[Yy])?(\d+[Mm])?(\d+[Ww])?(\d+[Dd])?|{_UNIT}((\s*,\s*|\s+and\s+|\s+){_UNIT})*)\s*$"
"""What a period looks like to an editor; `Period.parse` has the last word."""

_NAME_SCHEMA = {"type": "string", "pattern": f"^{_NAME.pattern}$"}
_EVENTS_SCHEMA = {"type": "array", "items": _NAME_SCHEMA, "minItems": 1}
_BRANCH_SCHEMA = {"type": "string", "minLength": 1, "description": "A period or a term, and `when` a condition"}
_POINT_SCHEMA = {
    "anyOf": [
        _NAME_SCHEMA,
        *(
            {"type": "object", "properties": {each: _EVENTS_SCHEMA}, "required": [each], "additionalProperties": False}
            for each in Choice
        ),
    ]
}

Name = Annotated[str, BeforeValidator(_name), WithJsonSchema(_NAME_SCHEMA)]
Category = Annotated[
    str, BeforeValidator(_category), WithJsonSchema({"type": "string", "pattern": f"^{_CATEGORY.pattern}$"})
]
Sentence = Annotated[str, BeforeValidator(_sentence), WithJsonSchema({"type": "string", "pattern": r"\S"})]
ConditionText = Annotated[Any, PlainValidator(_condition), WithJsonSchema({"type": "string", "pattern": r"\S"})]
PeriodText = Annotated[Any, PlainValidator(_period), WithJsonSchema({"type": "string", "pattern": PERIOD})]
StartingPointText = Annotated[Any, PlainValidator(_starting_point), WithJsonSchema(_POINT_SCHEMA)]
BranchTexts = Annotated[
    Any,
    PlainValidator(_branches),
    WithJsonSchema({"anyOf": [_BRANCH_SCHEMA, {"type": "array", "items": _BRANCH_SCHEMA, "minItems": 1}]}),
]
Bounds = Annotated[
    Any,
    PlainValidator(_bounds),
    WithJsonSchema({"type": "array", "items": {"type": "string", "pattern": PERIOD}, "minItems": 2, "maxItems": 2}),
]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PurposeShape(_Shape):
    """One entry of `purposes`."""

    basis: Basis = Field(description="The legal basis (GDPR Art. 6(1), Art. 17(3)(e))")
    source: Sentence = Field(description="The article, clause or paragraph that it comes from")
    keeps: list[Category] = Field(min_length=1, description="Categories and groups; a category covers what is below it")
    after: StartingPointText = Field(description="The event, or the latest or earliest of several")
    then: EndAction = Field(description="What happens when no purpose keeps a field any more; delete wins")
    period: BranchTexts = Field(default=(), alias="for", description="How long; left out, it ends with its event")
    when: ConditionText = Field(default=None, description="The condition under which the purpose applies")
    ended_by: Name = Field(default="", description="The event of a person's request that ends it at once")


class TermShape(_Shape):
    """One entry of a policy's `terms`: a figure alone, nothing, or these."""

    default: PeriodText = None
    within: Bounds = None
    means: Sentence = ""


def _term(value: Any) -> Any:
    """A term in its short forms: a figure alone, or nothing when tenants and contracts are to give it."""
    return {} if value is None else {"default": value} if isinstance(value, str) else value


class TermsShape(_Shape):
    """A file of an estate's `terms/`: the figures of one tenant and of its contracts."""

    controller: Sentence
    source: Sentence
    tenant: Sentence | None = None
    terms: dict[Name, PeriodText] = Field(default_factory=dict)
    contracts: dict[Sentence, dict[Name, PeriodText]] = Field(default_factory=dict)


class PolicyShape(_Shape):
    """A whole file. Nothing is required here: an included file may leave the controller to the one that includes it."""

    policy: Name | None = None
    controller: Sentence | None = None
    time_zone: Sentence | None = None
    include: list[Name] = Field(default_factory=list)
    categories: dict[Category, Sentence] = Field(default_factory=dict)
    groups: dict[Name, Annotated[list[Category], Field(min_length=1)]] = Field(default_factory=dict)
    events: dict[Name, EventKind] = Field(default_factory=dict)
    supplied: dict[Name, FactKind] = Field(default_factory=dict)
    facts: dict[Name, ConditionText] = Field(default_factory=dict)
    terms: dict[Name, Annotated[TermShape, BeforeValidator(_term)]] = Field(default_factory=dict)
    never_held: list[Category] = Field(default_factory=list)
    ended_by: dict[Basis, Name] = Field(default_factory=dict)
    purposes: dict[Name, dict[str, Any]] = Field(default_factory=dict)


def policy_shape(document: Document) -> PolicyShape:
    """The file's shape; what does not fit is blamed in the document and left out."""
    content: dict[str, Any] = dict(document.content)
    try:
        return PolicyShape.model_validate(content)
    except ValidationError as error:
        for place in sorted(_complain(document, (), error, PolicyShape), key=str, reverse=True):
            top = str(place[0])
            section = content[top]
            if len(place) > 1 and isinstance(section, dict):
                content[top] = {key: value for key, value in section.items() if key != place[1]}
            else:
                del content[top]
        return PolicyShape.model_validate(content)


def terms_shape(document: Document) -> TermsShape | None:
    """The shape of a file of terms, or nothing, with every complaint in the document."""
    try:
        return TermsShape.model_validate(document.content)
    except ValidationError as error:
        _complain(document, (), error, TermsShape)
        return None


def purpose_shape(document: Document, name: str, content: dict[str, Any]) -> PurposeShape | None:
    """One purpose's shape, or nothing, with every complaint in the document."""
    try:
        return PurposeShape.model_validate(content)
    except ValidationError as error:
        _complain(document, ("purposes", name), error, PurposeShape)
        return None


_MISSING = {
    "controller": "Name the controller, as `ardoise.toml` does",
    "basis": f"Say on what it rests: {', '.join(Basis)} (GDPR Art. 6(1), Art. 17(3)(e))",
    "source": 'Cite the article, clause or paragraph that it comes from, such as `source: "Code civil 2224"`',
    "keeps": "List the categories or groups that it keeps",
    "after": "Name the event from which it runs",
    "then": f"Say what happens at the end: {' or '.join(EndAction)}",
}


def _complain(document: Document, around: Place, error: ValidationError, shape: type[_Shape]) -> set[Place]:
    """Blame each complaint in the document; the top two keys of each place that does not fit."""
    keys = {field.alias or name for name, field in shape.model_fields.items()}
    subject = f"purpose `{around[1]}`: " if around else ""
    bad: set[Place] = set()
    for detail in error.errors():
        loc: Place = tuple(key for key in detail["loc"] if key != "[key]")
        bad.add(loc[:2])
        what, remedy = _words(detail, str(loc[-1]), loc, keys)
        document.blame((*around, *loc), subject + what, remedy)
    return bad


def _words(detail: ErrorDetails, key: str, loc: Place, keys: set[str]) -> tuple[str, str]:
    where = ".".join(str(each) for each in loc if not isinstance(each, int))
    match detail["type"]:
        case "missing":
            return f"`{key}` is missing", _MISSING[key]
        case "extra_forbidden":
            return f"`{key}` is no key here", suggestion(key, keys, f"Use one of {', '.join(sorted(keys))}")
        case "enum":
            allowed = detail["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
            return f"`{detail['input']}` is no value of `{where}`", suggestion(
                str(detail["input"]), allowed, f"Use one of {', '.join(allowed)}"
            )
        case "value_error":
            error = detail["ctx"]["error"]
            return f"`{where}`: {error}", error.remedy if isinstance(error, _Unfit) else f"Correct `{where}`"
        case "list_type" | "too_short":
            return f"`{where}` must be a list with at least one name", f"Write `{key}: [one, another]`"
        case _:
            return f"`{where}` must be a mapping", f"Write its entries below `{key}:`, indented, one a line"
