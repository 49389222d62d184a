"""What each technique puts in the place of a personal value, by category and column."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.base import FieldShape
from pipelines.anonymise.families import Family, family_of
from pipelines.anonymise.pools import KINDS, LANGUAGES, pool
from pipelines.anonymise.replacement import Constant, Draw, Fresh, Joined, TechniqueUnfit
from pipelines.anonymise.suppress import NO_DAY
from pipelines.anonymise.techniques import DEFAULTS, TECHNIQUES, Options, default_for, suppression, technique_for

TEXT = FieldShape("note", "character varying", nullable=True)
REQUIRED = FieldShape("note", "text", nullable=False)
UNIQUE = FieldShape("email", "VARCHAR(60)", nullable=False, unique=True, length=60)


@pytest.mark.parametrize(
    ("declared", "family"),
    [
        ("character varying(40)", Family.TEXT),
        ("", Family.TEXT),
        ("NULL", Family.TEXT),
        ("TEXT", Family.TEXT),
        ("bigint", Family.INTEGER),
        ("INTEGER", Family.INTEGER),
        ("int(11) unsigned", Family.INTEGER),
        ("numeric(12, 2)", Family.DECIMAL),
        ("double precision", Family.DECIMAL),
        ("date", Family.DATE),
        ("timestamp with time zone", Family.INSTANT),
        ("DATETIME", Family.INSTANT),
        ("time without time zone", Family.TIME),
        ("boolean", Family.BOOLEAN),
        ("inet", Family.NETWORK),
        ("uuid", Family.UUID),
        ("jsonb", Family.JSON),
        ("bytea", Family.BYTES),
        ("tsvector", Family.OTHER),
    ],
)
def test_a_declared_type_is_of_the_family_that_its_values_are(declared: str, family: Family) -> None:
    assert family_of(declared) is family


@pytest.mark.parametrize(
    ("category", "technique"),
    [
        ("user.name.first", "replace_first_name"),
        ("user.name", "replace_name"),
        ("user.contact.email", "unique_address"),
        ("user.contact.email.work", "unique_address"),
        ("user.contact.address.postal_code", "department"),
        ("user.demographic.date_of_birth", "decade"),
        ("user.content.private", "redact"),
        ("card.pan", "suppress"),
        ("user.device.ip_address", "suppress"),
        ("user.named", "suppress"),
    ],
)
def test_a_category_has_its_ancestors_default_and_else_is_suppressed(category: str, technique: str) -> None:
    assert default_for(category) == technique


def test_every_default_is_a_technique() -> None:
    assert set(DEFAULTS.values()) <= set(TECHNIQUES)


def test_what_may_be_null_is_suppressed_to_null() -> None:
    replacement = technique_for("card.pan", TEXT)
    assert replacement.assignment == Constant(None)
    assert replacement.valid(None)
    assert not replacement.valid("4970101234567890")
    assert replacement.item("4970101234567890") == ""


@pytest.mark.parametrize(
    "declared", ["text", "integer", "numeric", "date", "timestamp", "time", "boolean", "inet", "json", "bytea"]
)
def test_what_may_not_be_null_is_suppressed_to_an_empty_value_of_its_type(declared: str) -> None:
    replacement = technique_for("card.pan", FieldShape("x", declared, nullable=False))
    assert isinstance(replacement.assignment, Constant)
    assert replacement.assignment.value is not None
    assert replacement.valid(replacement.assignment.value)
    assert not replacement.valid(None)
    assert replacement.item("x") == ""


def test_a_type_that_nothing_fits_is_refused_by_name() -> None:
    with pytest.raises(TechniqueUnfit, match=r"column place \(point\)"):
        technique_for("card.pan", FieldShape("place", "point", nullable=False))


def test_a_required_date_becomes_the_same_day_for_everyone() -> None:
    assert technique_for("x", FieldShape("d", "date", nullable=False)).assignment == Constant(NO_DAY)


def test_a_unique_address_lies_under_invalid_and_fits_its_column() -> None:
    replacement = technique_for("user.contact.email", UNIQUE)
    assert replacement.assignment == Fresh(32, suffix="@anonymous.invalid")
    first, second = replacement.item("jane@acme.example"), replacement.item("jane@acme.example")
    assert first != second
    assert first.endswith(".invalid")
    assert len(first) <= 60
    assert replacement.valid(first)
    assert not replacement.valid("jane@acme.example")
    assert not replacement.valid(None)


@pytest.mark.parametrize("declared", ["text", "uuid"])
def test_a_required_unique_column_gets_random_values(declared: str) -> None:
    replacement = technique_for("user.unique_id", FieldShape("ref", declared, nullable=False, unique=True))
    assert replacement.assignment == Fresh(32)
    assert replacement.valid(replacement.item("C-1001"))


def test_random_digits_are_cut_to_the_column() -> None:
    replacement = technique_for("user.unique_id", FieldShape("ref", "varchar(16)", False, True, 16))
    assert replacement.assignment == Fresh(16)
    assert len(replacement.item("")) == 16


def test_a_column_too_short_to_stay_unique_is_refused() -> None:
    with pytest.raises(TechniqueUnfit, match="too short"):
        technique_for("user.unique_id", FieldShape("ref", "varchar(6)", False, True, 6))


def test_a_value_drawn_for_a_unique_column_is_plausible_and_kept_apart() -> None:
    replacement = technique_for("user.name.last", FieldShape("name", "varchar(40)", True, True, 40))
    assert replacement.assignment == Joined((Draw("last_name", 27), Fresh(12)))
    found = {replacement.item("Martin") for _ in range(500)}
    assert len(found) == 500
    assert all(replacement.valid(value) and len(value) <= 40 for value in found)
    short = technique_for("user.name.last", FieldShape("name", "varchar(15)", True, True, 15))
    assert short.assignment == Fresh(15)


def test_a_unique_phone_number_is_of_no_country() -> None:
    replacement = technique_for("user.contact.phone_number", FieldShape("phone", "varchar(16)", False, True, 16))
    found = {replacement.item("06 12 34 56 78") for _ in range(500)}
    assert len(found) == 500
    for number in found:
        assert replacement.valid(number)
        with pytest.raises(phonenumbers.NumberParseException):
            phonenumbers.parse(number)


def test_a_default_that_does_not_fit_falls_back_to_suppression() -> None:
    assert technique_for("user.contact.phone_number", FieldShape("phone", "bigint")).assignment == Constant(None)
    assert technique_for("user.contact.phone_number", FieldShape("phone", "text", length=8)).technique == "suppress"


def test_an_override_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(TechniqueUnfit):
        technique_for("user.contact.phone_number", FieldShape("phone", "bigint"), "replace_phone")


def test_an_unknown_technique_is_named() -> None:
    with pytest.raises(KeyError, match="scramble"):
        technique_for("user.name", TEXT, "scramble")


@pytest.mark.parametrize("technique", ["year", "decade", "department", "anywhere", "unique_address"])
def test_a_technique_refuses_types_that_it_cannot_write(technique: str) -> None:
    with pytest.raises(TechniqueUnfit):
        technique_for("x", FieldShape("x", "boolean"), technique)


def test_the_locale_column_comes_from_the_options() -> None:
    replacement = technique_for("user.name.first", TEXT, options={"locale": "language"})
    assert replacement.assignment == Draw("first_name", None, "language")


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("language", ["", *LANGUAGES])
def test_a_pool_holds_many_valid_values_that_fit(kind: str, language: str) -> None:
    made = pool(kind, language, 20, size=200)
    replacement = TECHNIQUES[f"replace_{kind}"](FieldShape("x", "text", length=20))
    assert len(made.values) > 50
    assert all(0 < len(value) <= 20 and replacement.valid(value) for value in made.values)
    assert "values" not in repr(made)


def test_two_pools_differ() -> None:
    assert pool("name", "fr").values != pool("name", "fr").values


def test_a_replacement_is_drawn_without_regard_to_the_original() -> None:
    replacement = technique_for("user.name", TEXT)
    drawn = Counter(replacement.item("Jeanne Martin") for _ in range(300))
    assert len(drawn) > 100
    assert all(replacement.valid(value) for value in drawn)


@pytest.mark.parametrize(("text", "coarse"), [("75011", "75"), ("97400", "974"), ("98800", "988"), ("20000", "20")])
def test_a_postcode_becomes_its_departement(text: str, coarse: str) -> None:
    assert technique_for("user.contact.address.postal_code", TEXT).item(text) == coarse


def test_a_city_becomes_any() -> None:
    replacement = technique_for("user.contact.address.city", REQUIRED)
    assert replacement.item("Lyon") == "*"
    assert replacement.valid("*")
    assert not replacement.valid("Lyon")


@given(st.dates())
def test_a_date_becomes_a_valid_coarser_one(day: dt.date) -> None:
    year = technique_for("x", TEXT, "year")
    decade = technique_for("x", TEXT, "decade")
    assert dt.date.fromisoformat(year.item(day.isoformat())) == day.replace(month=1, day=1)
    assert decade.item(day.isoformat()) == f"{day.isoformat()[:3]}0-01-01"
    assert year.valid(year.item(day.isoformat()))
    assert decade.valid(decade.item(day.isoformat()))


COARSE: list[tuple[str, str, Options]] = [
    *((each, kind, {}) for each in ("month", "quarter", "year", "decade") for kind in ("text", "date")),
    *((each, "text", {}) for each in ("department", "region", "anywhere")),
    ("department", "integer", {}),
    *((*each,) for kind in ("integer", "numeric") for each in (
        ("rounded", kind, {"step": 500}), ("top_code", kind, {"at_most": 90}), ("age_band", kind, {"width": 5}),
    )),
]  # fmt: skip


@given(
    st.one_of(
        st.text(),
        st.dates().map(str),
        st.integers(0, 99_999).map("{:05}".format),
        st.decimals(-1_000, 1_000, places=2).map(str),
    )
)
def test_what_is_coarse_stays_as_it_is(text: str) -> None:
    for technique, declared, options in COARSE:
        replacement = technique_for("x", FieldShape("x", declared), technique, options)
        once = replacement.item(text)
        assert replacement.item(once) == once, (technique, declared)


@given(st.text())
def test_a_text_that_is_no_date_or_postcode_leaves_nothing_of_itself(text: str) -> None:
    for technique in ("year", "department"):
        coarse = technique_for("x", TEXT, technique).item(f"{text}é")
        assert coarse == "*"


def test_free_text_is_deleted() -> None:
    assert technique_for("user.content", TEXT).assignment == Constant(None)
    required = technique_for("user.content", REQUIRED)
    assert required.assignment == Constant("[redacted]")
    assert required.item("Jeanne called.") == "[redacted]"
    assert technique_for("user.content", FieldShape("x", "varchar(5)", False, False, 5)).assignment == Constant("")


def test_a_category_due_for_deletion_in_a_living_row_is_emptied() -> None:
    assert suppression(TEXT).assignment == Constant(None)
    assert suppression(REQUIRED).assignment == Constant("[redacted]")
    assert suppression(FieldShape("n", "integer", nullable=False)).assignment == Constant(0)
