"""The estate: found, read with every problem at once, and careful with its secrets."""

from __future__ import annotations

import stat
from pathlib import Path
from textwrap import dedent

import pytest

from connectors.base import DatasetShape, Inventory, Kind
from connectors.sql.connector import SqlConnector
from pipelines.errors import DataMapInvalid, EstateInvalid, SecretMissing, UsageError
from pipelines.estate import Estate, find_estate

TOML = """\
[estate]
name = "Demo"
[controllers.JULIEN]
policy = "julien"
[stores.crm]
kind = "memory"
read = "env:CRM_READ"
last = true
[stores.mail]
kind = "imap"
read = "imap://anne:Sesame@127.0.0.1:1143"
write = "file:mail.secret"
region = "eu"
[limits]
count = 1000
[limits.crm.contacts]
share = 0.9
"""
MAP = """\
store: crm
datasets:
  contacts:
    source: public.contacts
    controller: JULIEN
    fields:
      email: {category: user.contact.email}
    approved: {by: dpo, on: 2026-06-30}
"""


def estate_in(folder: Path, toml: str = TOML, **maps: str) -> Path:
    (folder / "ardoise.toml").write_text(dedent(toml), encoding="utf-8")
    (folder / "data_map").mkdir(exist_ok=True)
    for name, text in maps.items():
        (folder / "data_map" / f"{name}.yaml").write_text(dedent(text), encoding="utf-8")
    return folder


def said(folder: Path) -> list[str]:
    with pytest.raises(EstateInvalid) as caught:
        Estate.load(folder)
    assert caught.value.exit_code == 3
    return [str(problem) for problem in caught.value.problems]


def test_an_estate_says_what_its_files_say(tmp_path: Path) -> None:
    estate = Estate.load(estate_in(tmp_path, crm=MAP))
    assert estate.name == "Demo"
    assert estate.time_zone.key == "Europe/Paris"
    assert list(estate.stores) == ["mail", "crm"]  # what anchors identities comes last
    assert estate.controllers == ("JULIEN",)
    assert list(estate.data_maps) == ["crm"]
    assert estate.policy("JULIEN").name == "julien"
    assert estate.policy("JULIEN") is estate.policy("JULIEN")


def test_loading_writes_nothing_and_reaches_nothing(tmp_path: Path) -> None:
    before = sorted(estate_in(tmp_path, crm=MAP).rglob("*"))
    Estate.load(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_datasets_limits_are_its_own_and_for_the_rest_the_general_ones(tmp_path: Path) -> None:
    estate = Estate.load(estate_in(tmp_path))
    own = estate.limit("crm", "contacts")
    assert (own.count, own.share, own.deviation) == (1000, 0.9, None)
    assert estate.limit("crm", "notes").share == 0.5
    assert Estate.load(estate_in(tmp_path, '[estate]\nname = "x"\n')).limit("crm", "notes").count is None


def test_every_problem_of_all_files_is_reported_at_once_with_its_line(tmp_path: Path) -> None:
    folder = estate_in(
        tmp_path,
        """\
        [estate]
        name = "Demo"
        time_zone = "Europe/Pari"
        [controlers.JULIEN]
        policy = "julien"
        [stores.Crm]
        kind = "sqll"
        red = "x"
        [limits]
        share = 2
        """,
        crm="store: crm\ndatasets: {a: {source: x, controler: J}}\n",
    )
    found = said(folder)
    for place, words in [
        ("ardoise.toml:3:", "there is no such time zone"),
        ("ardoise.toml:4:", "Did you mean `controllers`?"),
        ("ardoise.toml:6:", "`stores.Crm` is not written as it must be"),
        ("ardoise.toml:6:", "`stores.Crm.read` is missing"),
        ("ardoise.toml:7:", "`stores.Crm.kind`: there is no such kind of store"),
        ("ardoise.toml:8:", "Did you mean `read`?"),
        ("ardoise.toml:10:", "`limits.share`: input should be less than or equal to 1"),
        ("data_map/crm.yaml:2:", "Did you mean `controller`?"),
        ("data_map/crm.yaml:2:", "controller` is missing"),
    ]:
        assert any(each.startswith(place) and words in each for each in found), (place, words, found)
    assert len(found) == 9


def test_stores_without_configuration_maps_twice_and_limits_of_nothing_are_named(tmp_path: Path) -> None:
    toml = TOML + "[limits.cmr.contacts]\ncount = 3\n"
    found = said(estate_in(tmp_path, toml, a=MAP, b=MAP, c=MAP.replace("store: crm", "store: cmr")))
    assert [each.split(". ")[0] for each in found] == [
        "ardoise.toml:18: there are limits for `cmr`, which is no store",
        "data_map/b.yaml:1: the store `crm` has a map already, data_map/a.yaml",
        "data_map/c.yaml:1: the estate has no store `cmr`",
    ]
    assert "Did you mean `crm`?" in found[2]


def test_a_store_outside_the_allowed_regions_is_refused(tmp_path: Path) -> None:
    """R35: hosted in France or the EU."""
    toml = TOML.replace('name = "Demo"', 'name = "Demo"\nregions = ["eu", "fr"]')
    found = said(estate_in(tmp_path, toml))
    assert found == [
        "ardoise.toml:6: the store `crm` lies outside the estate's regions (eu, fr). Move it, or allow its region."
    ]


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b'[estate]\nname = "x\n', 2, "this is no TOML"),
        (b"[estate]\nname = '\xff'\n", 0, "no text in UTF-8"),
        (b"", 0, "`estate` is missing"),
        (b"limits = 3\nestate.name = 'x'\n", 1, "`limits`"),
    ],
)
def test_what_is_no_configuration_is_said_to_be_none(tmp_path: Path, content: bytes, line: int, words: str) -> None:
    (tmp_path / "ardoise.toml").write_bytes(content)
    (found,) = said(tmp_path)
    assert found.startswith(f"ardoise.toml:{line}:")
    assert words in found


def test_a_folder_without_configuration_is_no_estate(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ardoise init"):
        Estate.load(tmp_path)


# ── policies and maps together ──


def test_maps_and_policies_that_fit_pass_the_check(tmp_path: Path) -> None:
    text = MAP.replace(
        "    fields",
        "    events:\n"
        + "".join(
            f"      {event}: {{column: {event}}}\n"
            for event in ("contract_end", "collected", "last_inbound_contact", "service_end", "last_intervention")
        )
        + "    fields",
    )
    estate = Estate.load(estate_in(tmp_path, crm=text))
    assert set(estate.check()) == {"JULIEN"}


def test_an_invalid_policy_and_a_map_that_does_not_fit_are_reported_together(tmp_path: Path) -> None:
    toml = TOML + '[controllers.OTHER]\npolicy = "other"\n[controllers.NOBODY]\npolicy = "nobody"\n'
    other = MAP.replace("crm", "mail").replace("JULIEN", "OTHER")
    folder = estate_in(tmp_path, toml, crm=MAP.replace("    fields", "    events: {colected: {column: x}}\n    fields"))
    estate_in(tmp_path, toml, mail=other)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "other.yaml").write_text("policy: other\ncontroller: OTHER\n")
    with pytest.raises(EstateInvalid) as caught:
        Estate.load(folder).check()
    found = [str(problem) for problem in caught.value.problems]
    assert any(each.startswith("policies/other.yaml:") for each in found), found
    assert any("nobody" in each for each in found)
    assert any("data_map/crm.yaml:6:" in each and "Did you mean `collected`?" in each for each in found)
    assert any(each.startswith("policy julien:0: no dataset supplies the event") for each in found)
    assert not any("mail.yaml" in each for each in found)  # its policy is broken: nothing can be said of it


def test_a_category_that_no_purpose_keeps_is_an_error(tmp_path: Path) -> None:
    estate = Estate.load(estate_in(tmp_path, crm=MAP.replace("user.contact.email", "user.genetic")))
    with pytest.raises(EstateInvalid, match=r"no purpose keeps `user.genetic`, which is held in crm.contacts"):
        estate.check()


def test_an_unknown_controller_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean `JULIEN`"):
        Estate.load(estate_in(tmp_path)).policy("JULIE")


def test_a_map_is_held_against_what_the_store_has(tmp_path: Path) -> None:
    estate = Estate.load(estate_in(tmp_path, crm=MAP))
    inventory = Inventory("crm", (DatasetShape("public.contacts", Kind.ROWS, ()),))
    with pytest.raises(DataMapInvalid, match=r"data_map/crm.yaml:7: `public.contacts` has no column `email`"):
        estate.check_store("crm", inventory)
    estate.check_store("mail", Inventory("mail", ()))


# ── state, keys, connections ──


def test_the_state_is_made_when_it_is_needed_and_its_owners_alone(tmp_path: Path) -> None:
    estate = Estate.load(estate_in(tmp_path))
    assert stat.S_IMODE(estate.state.stat().st_mode) == 0o700
    key = estate.key
    assert stat.S_IMODE((estate.state / "key").stat().st_mode) == 0o600
    assert Estate.load(tmp_path).key == key
    assert estate.plan_folder("a" * 64) == tmp_path / ".ardoise" / "plans" / ("a" * 64)
    assert estate.reports.is_dir()
    assert estate.proposals == tmp_path / "proposals"
    assert estate.index_file == tmp_path / ".ardoise" / "index.duckdb"


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    estate = Estate.load(estate_in(tmp_path))
    _ = estate.keys
    (estate.state / "key").chmod(0o644)
    with pytest.raises(SecretMissing, match="read by others"):
        _ = Estate.load(tmp_path).key


def test_the_engine_database_lies_in_the_estate_wherever_the_command_is_run(tmp_path: Path) -> None:
    toml = TOML.replace("[controllers", "[approval]\ntwo_persons = true\n[controllers", 1)
    engine = Estate.load(estate_in(tmp_path, toml)).engine()
    assert engine.connections.file == tmp_path / ".ardoise" / "engine.sqlite"
    assert engine.approvals.two_persons
    engine.close()


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    estate = Estate.load(estate_in(tmp_path))
    assert "Sesame" not in repr(estate)


@pytest.mark.parametrize("kind", ["memory"])
def test_a_store_is_connected_by_its_kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setenv("CRM_READ", "memory://")
    estate = Estate.load(estate_in(tmp_path))
    assert estate.store("crm").kind == kind
    with estate.connected("crm") as connector:
        assert connector.store == "crm"
    with pytest.raises(UsageError, match="no store 'cmr'"):
        estate.connector("cmr")


# ── finding it ──


def test_the_estate_is_found_from_any_folder_below(tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    folder = estate_in(tmp_path / "a b")
    below = folder / "policies" / "drafts"
    below.mkdir(parents=True)
    assert find_estate(below, {}) == folder
    assert find_estate(tmp_path, {"ARDOISE_ESTATE": str(folder)}) == folder


def test_where_there_is_no_estate_the_remedy_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="ardoise init"):
        find_estate(tmp_path, {})
    with pytest.raises(UsageError, match="ARDOISE_ESTATE names a folder without"):
        find_estate(tmp_path, {"ARDOISE_ESTATE": str(tmp_path)})


def test_a_person_is_known_in_the_tenants_of_a_controller(tmp_path: Path) -> None:
    """A hold that is opened elsewhere would hold nothing, and nobody would notice."""
    maps = {"crm": MAP, "mail": MAP.replace("crm", "mail").replace("JULIEN", "JULIEN\n    tenant: shop")}
    estate = Estate.load(estate_in(tmp_path, **maps))
    assert estate.scopes("JULIEN") == ("JULIEN", "shop")
    assert estate.scopes("shop") == ("shop",)
    with pytest.raises(UsageError, match="JULIEM") as caught:
        estate.scopes("JULIEM")
    assert "JULIEN" in str(caught.value)


def test_a_sql_store_may_have_an_archive_with_its_own_credentials(tmp_path: Path) -> None:
    archived = '[stores.crm.archive]\nschema = "ardoise_kept"\nread = "sqlite:///kept.sqlite"\n'
    toml = TOML.replace('kind = "memory"\nread = "env:CRM_READ"', 'kind = "sql"\nread = "sqlite:///crm.sqlite"')
    (tmp_path / "ardoise.toml").write_text(toml + archived)
    estate = Estate.load(tmp_path)
    with estate.connected("crm") as connector:
        assert isinstance(connector, SqlConnector)
        assert connector.archive is not None
        assert connector.archive.schema == "ardoise_kept"
    assert "kept.sqlite" not in repr(estate.config)


@pytest.mark.parametrize(
    ("addition", "what"),
    [
        ('[stores.crm.archive]\nread = "x"\n', "`crm` cannot have an archive: its kind is memory"),
        ('[stores.crm.archive]\nschema = "public"\nread = "x"\n', "`stores.crm.archive.schema` is not written"),
        ("[stores.crm.archive]\n", "`stores.crm.archive.read` is missing"),
    ],
)
def test_an_archive_where_none_can_be_is_a_problem(tmp_path: Path, addition: str, what: str) -> None:
    (tmp_path / "ardoise.toml").write_text(TOML + addition)
    with pytest.raises(EstateInvalid, match=what):
        Estate.load(tmp_path)
