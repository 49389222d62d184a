"""Julie Desk (R12, R13): terms that a client's contract sets, else the client, on a store with two clients' rows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from command_line import inside
from policy_estate import Make, PolicyEstate

from pipelines.apply import apply
from pipelines.errors import EstateInvalid, PlanChanged

pytestmark = pytest.mark.slow

CREATED = "2024-08-31"


def messages(estate: PolicyEstate) -> None:
    """A message under a contract with a long term, with a short one, with none of its own, and under none known."""
    rows = [("acme", "A-2"), ("acme", "A-1"), ("acme", "A-3"), ("acme", None), ("globex", "A-2")]
    estate.fill("messages", *({"client": who, "contract": name, "body": "…", "at": CREATED} for who, name in rows))


@pytest.mark.parametrize(
    ("day", "left"),
    [
        (dt.date(2024, 11, 30), [1, 2, 3, 4, 5]),
        (dt.date(2024, 12, 1), [1, 2, 3, 4]),  # the other client's: three months, clamped to 30 November
        (dt.date(2025, 3, 1), [1, 3, 4]),
        (dt.date(2025, 9, 1), [1, 4]),  # no figure of its contract: the client's own
        (dt.date(2099, 1, 1), [4]),  # under which contract, nobody knows
    ],
)
def test_r12_the_contract_sets_the_term_else_the_client_and_never_another_client(
    julie_desk: Make, day: dt.date, left: list[int]
) -> None:
    service = julie_desk("messages")
    messages(service)

    service.run(day, "CLIENTS")

    assert service.left("messages") == left


def test_r12_what_is_under_no_known_contract_is_undetermined(julie_desk: Make) -> None:
    service = julie_desk("messages")
    messages(service)

    stand = service.stand(dt.date(2099, 1, 1), "messages_acme", "correspondence", "CLIENTS")

    assert stand == {"due": 3, "undetermined": 1}


def test_r12_no_figure_anywhere_does_not_load_and_names_the_term(julie_desk: Make) -> None:
    service = julie_desk("messages")
    messages(service)
    terms = service.path / "terms" / "globex.yaml"
    terms.write_text(terms.read_text().replace("service: 3 months, ", ""))

    with pytest.raises(EstateInvalid) as caught:
        service.run(dt.date(2099, 1, 1), "CLIENTS")

    (problem,) = caught.value.problems
    assert "the term `service` has no figure: neither `globex` nor a contract of it gives one" in problem.what
    assert service.left("messages") == [1, 2, 3, 4, 5]


def test_r12_a_dataset_that_cannot_tell_the_contract_is_refused_where_contracts_set_terms(julie_desk: Make) -> None:
    service = julie_desk("messages")
    path = service.path / "data_map" / "shop.yaml"
    path.write_text(path.read_text().replace("facts: {contract: {column: contract}}", ""))

    with pytest.raises(EstateInvalid) as caught:
        service.estate.check()

    assert any("`shop.messages_acme` does not say under which contract" in each.what for each in caught.value.problems)
    assert not any("globex" in each.what for each in caught.value.problems)


def test_r12_a_changed_term_needs_a_new_plan(julie_desk: Make) -> None:
    service = julie_desk("messages")
    messages(service)
    day = dt.date(2025, 3, 1)
    plan = service.plan(day, "CLIENTS", approved=True)
    terms = service.path / "terms" / "acme.yaml"
    terms.write_text(terms.read_text().replace("A-1: {service: 6 months}", "A-1: {service: 7 months}"))

    now = dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)
    with pytest.raises(PlanChanged, match="the policy of CLIENTS has changed"):
        apply(service.estate, plan.digest, now=now, today=day, actor="worker")

    assert service.left("messages") == [1, 2, 3, 4, 5]


def test_r13_contact_preference_and_place_each_have_a_term_of_their_own(julie_desk: Make) -> None:
    service = julie_desk("contacts", "places")
    service.fill(
        "contacts",
        {"client": "acme", "name": "Zoé", "slot": "mornings", "collected": "2023-01-31", "last": "2024-08-31"},
    )
    service.fill("places", *({"client": "acme", "place": "Lyon", "at": at} for at in ("2025-01-30", "2025-01-31")))

    service.run(dt.date(2025, 3, 1), "CLIENTS")

    assert service.left("places") == []  # both clamped to 28 February
    (contact,) = service.rows("contacts")
    assert (contact["name"], contact["slot"]) == ("Zoé", None)
    assert service.stand(dt.date(2027, 8, 31), "contacts_acme", "user.name", "CLIENTS") == {"kept": 1}


def test_r13_tracking_is_the_services_own_and_no_plan_of_the_clients_touches_it(julie_desk: Make) -> None:
    service = julie_desk("messages", "visits")
    messages(service)
    service.fill("visits", {"ip": "203.0.113.9", "clicks": "3", "at": "2024-01-31"})
    said = inside("plan", "--controller", "CLIENTS", "--as-of", "2025-03-01", cwd=service.path, expect=None).words
    assert "You are the processor of CLIENTS" in said
    roles = {name: each.role for name, each in service.estate.config.controllers.items()}
    assert roles == {"CLIENTS": "processor", "JULIE_DESK": "controller"}

    service.run(dt.date(2025, 3, 1), "CLIENTS")
    assert service.left("visits") == [1]
    service.run(dt.date(2025, 3, 1), "JULIE_DESK")
    assert service.left("visits") == []
    assert service.left("messages") == [1, 3, 4]


def test_r19_terms_for_an_unknown_client_or_controller_are_refused_with_their_line(julie_desk: Make) -> None:
    service = julie_desk("messages")
    folder: Path = service.path / "terms"
    acme = (folder / "acme.yaml").read_text()
    (folder / "acme.yaml").write_text(acme.replace("tenant: acme", "tenant: acmee"))
    (folder / "again.yaml").write_text((folder / "globex.yaml").read_text())
    (folder / "other.yaml").write_text(acme.replace("CLIENTS", "CLIENTELE"))

    with pytest.raises(EstateInvalid) as caught:
        _ = service.estate

    assert [str(problem).split(". ")[0] for problem in caught.value.problems] == [
        "terms/acme.yaml:3: no dataset of CLIENTS has the tenant `acmee`",
        "terms/globex.yaml:3: `globex` has terms already, in terms/again.yaml",
        "terms/other.yaml:2: there is no controller `CLIENTELE`",
    ]
