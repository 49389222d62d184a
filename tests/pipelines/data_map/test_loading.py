"""Loading a data map: every mistake at once, each with its line, and nothing of the data repeated."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from textwrap import dedent

import pytest

from connectors.base import DatasetShape, FieldShape, Inventory, Kind
from pipelines.data_map.loading import digest_of_maps, load_map, read_map
from pipelines.data_map.model import StoreMap
from pipelines.errors import DataMapInvalid
from retention_rules.loading import load_policy
from retention_rules.problems import Problem

GOOD = """\
store: crm
datasets:
  companies:
    source: public.companies
    controller: JULIEN
    key: [id]
    fields:
      name: {category: none}
  contacts:
    source: public.contacts
    controller: JULIEN
    tenant: julien
    key: [id]
    where: {tenant: [julien]}
    subjects:
      - {kind: email, columns: [email]}
    inherits:
      - {dataset: companies, on: {company_id: id}}
    events:
      collected: {column: created_at, null: absent}
      contract_end:
        column: ended_on
        open_if: {column: status, values: [running]}
    facts:
      deferred_debit: {column: deferred}
    fields:
      email: {category: user.contact.email}
      city: {category: none}
    statistics:
      - {name: by_city, sum: deferred_cents, by: [{column: city}, {column: created_at, by: month}]}
    approved: {by: dpo, on: 2026-06-30}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "crm.yaml"
    path.write_text(dedent(text), encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[Problem]:
    with pytest.raises(DataMapInvalid) as caught:
        load_map(written(folder, text))
    assert caught.value.exit_code == 3
    return list(caught.value.problems)


def lines(found: list[Problem]) -> list[tuple[int, str]]:
    return [(problem.line, problem.what) for problem in found]


GOOD = GOOD.replace("deferred_cents, ", "email, ")


def test_a_good_map_loads(tmp_path: Path) -> None:
    loaded = load_map(written(tmp_path, GOOD)).map
    contacts = loaded.datasets["contacts"]
    assert contacts.events["collected"].null == "absent"
    assert contacts.where == {"tenant": ("julien",)}
    assert contacts.approved is not None
    assert contacts.approved.on == dt.date(2026, 6, 30)
    assert set(loaded.active) == {"contacts"}


def test_every_mistake_of_shape_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
        store: crm
        datasets:
          Contacts:
            source: public.contacts
            controler: JULIEN
            subjects:
              - {kind: email, columns: [email], strength: certain}
            events:
              collected: {column: created_at, nul: absent}
            fields:
              email: user.contact.email
            approved: {by: dpo, on: someday}
            approved: {by: dpo, on: 2026-06-30}
        """,
    )
    said = "\n".join(str(problem) for problem in found)
    for line, word in [
        (3, "`datasets.Contacts.controller` is missing"),
        (3, "not written as it must be"),
        (5, "Did you mean `controller`?"),
        (7, "strength`: input should be"),
        (9, "Did you mean `null`?"),
        (11, "fields.email"),
        (12, "approved.on"),
        (13, "`approved` is there twice"),
    ]:
        assert any(str(each).startswith(f"crm.yaml:{line}:") and word in str(each) for each in found), (word, said)
    assert len(found) == 8


def test_every_mistake_of_sense_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
        store: crm
        datasets:
          contacts:
            source: public.contacts
            controller: JULIEN
            subjects:
              - {kind: email}
              - {kind: email, columns: [email], roles: [from]}
            inherits:
              - {dataset: companys, on: {company_id: id}}
              - {dataset: companies, on: {}}
            events:
              collected: {null: absent}
              contact: {column: at, at: last}
              created: {column: at, roles: [from]}
            fields:
              email: {category: E-Mail}
            statistics:
              - {name: n, by: [{column: citty}]}
              - {name: n, sum: emial}
          companies:
            source: public.companies
            controller: JULIEN
            events:
              collected: {column: at, of: subject}
        """,
    )
    assert lines(found) == [
        (7, "a subject link of `contacts` names neither columns nor roles, or both"),
        (8, "a subject link of `contacts` names neither columns nor roles, or both"),
        (10, "`contacts` inherits from `companys`, which is not in this map"),
        (11, "`contacts` does not say how it joins `companies`"),
        (13, "the event `collected` of `contacts` needs either a column or `at`"),
        (14, "the event `contact` of `contacts` needs either a column or `at`"),
        (15, "the event `created` of `contacts` has roles, which a table does not"),
        (17, "the category of `contacts.email` is not written as one"),
        (19, "the statistic `n` of `contacts` uses `citty`, which is not among its fields"),
        (20, "the statistic `n` of `contacts` is there twice"),
        (20, "the statistic `n` of `contacts` uses `emial`, which is not among its fields"),
        (25, "the events of `companies` concern a subject, and nothing links its records to one"),
    ]
    assert "Did you mean `companies`?" in found[2].remedy


def test_what_a_statistic_asks_for_has_to_fit_together(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
        store: crm
        datasets:
          visits:
            source: visits
            controller: JULIEN
            fields:
              at: {category: none}
              region: {category: none}
              cents: {category: none}
            statistics:
              - {name: a, squares: true}
              - {name: b, by: [{column: at, by: month}, {column: region}], upward: [at]}
              - {name: c, minimum: 4}
              - {name: d, minimum: 5}
              - {name: e, minimum: 5, signed_off: {by: dpo, on: 2026-06-01}}
              - {name: f, deadline: soon}
              - {name: g, subject: [person]}
        """,
    )
    assert lines(found) == [
        (11, "the statistic `a` sums the squares of nothing"),
        (12, "the statistic `b` merges upward by other columns than it groups by"),
        (13, "the statistic `c` would release what fewer than 5 subjects have said"),
        (14, "the statistic `d` releases what fewer than 11 subjects have said: nobody signed that off"),
        (16, ("the deadline of the statistic `f`: 'soon' is no period, such as `3 years`, `13 months`, "
              "`1 year and 6 months` or `P3Y`")),
        (17, "the statistic `g` of `visits` uses `person`, which is not among its fields"),
    ]  # fmt: skip


def test_datasets_do_not_inherit_in_a_circle(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
        store: crm
        datasets:
          a: {source: a, controller: J, inherits: [{dataset: b, on: {x: id}}]}
          b: {source: b, controller: J, inherits: [{dataset: c, on: {x: id}}]}
          c: {source: c, controller: J, inherits: [{dataset: b, on: {x: id}}]}
        """,
    )
    assert lines(found) == [(4, "`b` inherits from itself"), (5, "`c` inherits from itself")]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("store: crm\ndatasets: {a: [}", 2),
        ("store: 'crm", 1),
        ("", 0),
        ("[a, b]", 1),
        ("? [a]\n: b\n", 1),
        ("a: \x07", 0),
    ],
)
def test_what_is_no_map_at_all_is_said_to_be_none(tmp_path: Path, text: str, line: int) -> None:
    found = problems(tmp_path, text)
    assert found
    assert found[0].line in {line, line + 1}


def test_a_value_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD.replace("2026-06-30", "2026-13-45"))
    assert any("this value cannot be read" in each.what for each in found)


def test_a_file_that_is_no_text_or_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "crm.yaml").write_bytes(b"store: \xff")
    found: list[Problem] = []
    assert read_map(tmp_path / "crm.yaml", found) is None
    assert read_map(tmp_path / "none.yaml", found) is None
    assert [each.what for each in found] == ["this is no YAML in UTF-8", "the file cannot be read"]


def test_events_and_facts_that_the_policy_does_not_know_are_named(tmp_path: Path) -> None:
    text = GOOD.replace("contract_end:", "contract_ende:").replace("deferred_debit:", "deferred:")
    loaded = load_map(written(tmp_path, text))
    policies = {"JULIEN": load_policy("julien")}
    found = loaded.check_policies(policies)
    assert lines(found) == [
        (21, "the policy `julien` does not know the event `contract_ende`"),
        (25, "the policy `julien` does not know the fact `deferred`"),
    ]
    assert "Did you mean `contract_end`?" in found[0].remedy
    assert [each.line for each in loaded.check_policies({})] == [5, 11]
    assert loaded.check_policies({}, ignore={"JULIEN"}) == []


# ── against the store ──


def shape(location: str, *fields: str, kind: Kind = Kind.ROWS) -> DatasetShape:
    return DatasetShape(location, kind, tuple(FieldShape(name, "text") for name in fields))


COLUMNS = (
    "id", "tenant", "email", "city", "company_id", "created_at", "ended_on", "status", "deferred",
)  # fmt: skip


def test_a_map_that_agrees_with_the_store_has_no_problem(tmp_path: Path) -> None:
    loaded = load_map(written(tmp_path, GOOD))
    assert loaded.check_against(Inventory("crm", (shape("public.contacts", *COLUMNS),))) == []


@pytest.mark.parametrize("gone", COLUMNS)
def test_a_column_that_is_not_there_is_named_with_line_and_nearest_name(tmp_path: Path, gone: str) -> None:
    columns = [f"{name}x" if name == gone else name for name in COLUMNS]
    found = load_map(written(tmp_path, GOOD)).check_against(Inventory("crm", (shape("public.contacts", *columns),)))
    assert {each.what for each in found} == {f"`public.contacts` has no column `{gone}`"}
    assert all(each.line > 11 and f"Did you mean `{gone}x`?" in each.remedy for each in found)


def test_a_table_that_is_not_there_is_named_and_unapproved_ones_are_left_alone(tmp_path: Path) -> None:
    found = load_map(written(tmp_path, GOOD)).check_against(Inventory("crm", (shape("public.contact"),)))
    assert lines(found) == [(10, "the store `crm` has no `public.contacts`")]
    assert "Did you mean `public.contact`?" in found[0].remedy


@pytest.mark.parametrize(
    ("declared", "refused"),
    [
        ("BINARY(2)", True),
        ("MEDIUMBLOB", True),
        ("BYTEA", True),
        ("INTERVAL", True),
        ("MONEY", True),
        ("TSTZRANGE", True),
        ("BIT(1)", False),
    ],
)
def test_a_statistic_groups_by_what_has_one_name_in_every_session(tmp_path: Path, declared: str, refused: bool) -> None:
    fields = [FieldShape(name, declared if name == "city" else "text") for name in COLUMNS]
    inventory = Inventory("crm", (DatasetShape("public.contacts", Kind.ROWS, tuple(fields)),))
    found = load_map(written(tmp_path, GOOD)).check_against(inventory)
    what = f"`public.contacts.city` is {declared.lower()}: binary, or told otherwise in each session"
    assert [each.what for each in found] == ([what] if refused else [])
    assert all("Let `by_city` group by texts" in each.remedy for each in found)


def test_a_pattern_of_mailboxes_may_match_none(tmp_path: Path) -> None:
    text = """\
        store: mail
        datasets:
          all: {source: "*", controller: J, approved: {by: dpo, on: 2026-06-30}}
          support: {source: Suport, controller: J, approved: {by: dpo, on: 2026-06-30}}
          inbox: {source: INBOX, controller: J, approved: {by: dpo, on: 2026-06-30}}
        """
    mailboxes = (shape("Support", kind=Kind.MESSAGES), shape("INBOX", kind=Kind.MESSAGES))
    found = load_map(written(tmp_path, text)).check_against(Inventory("mail", mailboxes))
    assert lines(found) == [(4, "the store `mail` has no `Suport`")]


# ── the digest ──


MAIL = """\
store: mail
datasets:
  messages:
    source: "INBOX"
    controller: JULIEN
    subjects: [{kind: email, roles: [from]}]
    events: {contact: {at: last, roles: [from], of: subject}}
    fields: {message: {category: correspondence}}
    statistics: [{name: received}]
    anonymity: {partition: [{}]}
    approved: {by: dpo, on: 2026-06-30}
"""


def test_nothing_is_kept_or_hidden_of_messages_and_meetings(tmp_path: Path) -> None:
    """By what the map says; where it says nothing of the kind, by what the store has."""
    kept = "`messages` holds messages or meetings, of which no statistic is kept"
    found = problems(tmp_path, MAIL)
    assert lines(found) == [
        (9, kept),
        (10, "`messages` holds messages or meetings, which do not hide among each other"),
    ]
    assert "counted before they go" in found[0].remedy
    silent = """\
        store: mail
        datasets:
          all:
            source: "*"
            controller: J
            statistics: [{name: received}]
            approved: {by: dpo, on: 2026-06-30}
        """
    loaded = load_map(written(tmp_path, silent))
    for location in ("INBOX", "*"):
        (mistake,) = loaded.check_against(Inventory("mail", (shape(location, kind=Kind.MESSAGES),)))
        assert mistake.what == kept.replace("messages`", "all`")
    assert loaded.check_against(Inventory("mail", (shape("*"),))) == []


def test_the_digest_counts_what_approved_datasets_say_and_nothing_else(tmp_path: Path) -> None:
    def digest(text: str) -> str:
        return digest_of_maps([load_map(written(tmp_path, text)).map])

    base = digest(GOOD)
    assert digest(GOOD.replace("by: dpo, on: 2026-06-30", "by: ceo, on: 2026-07-01")) == base
    assert digest(GOOD.replace("public.companies", "public.firms")) == base
    assert digest(GOOD.replace("user.contact.email", "user.contact")) != base
    assert digest(GOOD.replace("    approved: {by: dpo, on: 2026-06-30}\n", "")) == digest_of_maps([])
    assert digest_of_maps([StoreMap(store="x", datasets={})]) == digest_of_maps([])


def test_techniques_and_their_options_are_checked_with_the_rest(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
        store: crm
        datasets:
          contacts:
            source: public.contacts
            controller: JULIEN
            fields:
              email: {category: user.contact.email, technique: unique_adress}
              salary: {category: user.financial, technique: rounded}
              age: {category: user.demographic.age_range, technique: age_band, options: {widht: 5}}
              bonus: {category: user.financial, technique: top_code, options: {at_most: much}}
              phone: {category: user.contact.phone_number, options: {step: 5}}
              name: {category: user.name, options: {locale: language}}
        """,
    )
    said = "\n".join(str(problem) for problem in found)
    assert [problem.line for problem in found] == [7, 8, 9, 10, 11]
    for word in (
        "Did you mean `unique_address`?",
        "needs the option `step`",
        "`width`",
        "is a whole number",
        "no option",
    ):
        assert word in said


def test_no_row_inherits_from_two_datasets_that_share_the_rows_of_one_table(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
        store: crm
        datasets:
          persons: {source: people, controller: J, key: [id], where: {kind: [person]}}
          firms: {source: people, controller: J, key: [id], where: {kind: [firm]}}
          known: {source: people, controller: J, key: [id], where: {kind: [firm, person]}}
          orders:
            source: orders
            controller: J
            inherits: [{dataset: persons, on: {x: id}}, {dataset: firms, on: {y: id}}, {dataset: known, on: {x: id}}]
          notes:
            source: notes
            controller: J
            inherits:
              - {dataset: persons, on: {x: id}}
              - {dataset: firms, on: {x: id}}
          letters:
            source: letters
            controller: J
            inherits: [{dataset: persons, on: {x: email}}, {dataset: firms, on: {x: email}}]
        """,
    )
    assert lines(found) == [(15, "no row of `notes` leads to `persons` and `firms`, which share the rows of one table")]
