"""Subject keys: every spelling of one person's address meets on one digest, and only weak forms are looser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.digests import DigestKey
from pipelines.subjects import (
    canonical,
    canonical_email,
    canonical_name,
    digest_canonical,
    loose_email,
    subject_digest,
)

KEY = DigestKey(b"i" * 32, b"o" * 32)
locals_ = st.from_regex(r"[A-Za-z0-9._+-]{1,20}", fullmatch=True)
domains = st.from_regex(r"[a-zA-Z0-9]{1,10}(\.[a-zA-Z]{2,5}){1,2}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("  Anne.Dupont@ACME.example ", "anne.dupont@acme.example"),
        ("anne@Société.example", "anne@xn--socit-esab.example"),
        ("anne@xn--socit-esab.example", "anne@xn--socit-esab.example"),
        ("éloïse@acme.example", "éloïse@acme.example"),
        ('"odd@local"@acme.example', '"odd@local"@acme.example'),
        ("anne@exämple .de", "anne@exämple .de"),
        ("No Address", "no address"),
        ("", ""),
    ],
)
def test_an_address_has_one_canonical_form(text: str, form: str) -> None:
    assert canonical_email(text) == form


@given(local=locals_, domain=domains)
def test_an_ascii_address_is_canonical_as_the_stores_make_it(local: str, domain: str) -> None:
    """`lower(trim(x))`, in every SQL engine."""
    assert canonical_email(f" {local}@{domain} ") == f"{local}@{domain}".lower()


@given(local=locals_, domain=domains)
def test_canonical_and_loose_forms_are_stable(local: str, domain: str) -> None:
    once = canonical_email(f"{local}@{domain}")
    assert canonical_email(once) == once
    loose = loose_email(once)
    assert loose_email(loose) == loose
    assert canonical_email(loose) == loose


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Anne.Dupont+news@gmail.com", "annedupont@gmail.com"),
        ("annedupont@googlemail.com", "annedupont@gmail.com"),
        ("anne.dupont+news@outlook.fr", "anne.dupont@outlook.fr"),
        ("anne.dupont+news@proton.me", "anne.dupont@proton.me"),
        ("anne.dupont+news@fastmail.com", "anne.dupont@fastmail.com"),
        ("anne+news@icloud.com", "anne@icloud.com"),
        ("anne.dupont+news@acme.example", "anne.dupont+news@acme.example"),
        ("anne.dupont+news@orange.fr", "anne.dupont+news@orange.fr"),
        ("+news@gmail.com", "+news@gmail.com"),
        ('"anne.dupont"@acme.example', "anne.dupont@acme.example"),
        ("anne@acme.example.", "anne@acme.example"),
        ("\ufeffanne@acme.example\u00a0", "anne@acme.example"),
    ],
)
def test_a_provider_whose_rules_are_known_has_one_form_per_mailbox(text: str, form: str) -> None:
    assert canonical_email(text) == form


@pytest.mark.parametrize("text", ["anne@société.example", "anne@xn--socit-esab.example", "ANNE+x@Société.example"])
def test_spellings_of_an_international_domain_meet_on_the_loose_form(text: str) -> None:
    assert loose_email(text) == "anne@*"


@pytest.mark.parametrize("text", ["anne@protonmail.com", "anne@pm.me", "an.ne@proton.me"])
def test_the_domains_of_one_house_meet_on_the_loose_form(text: str) -> None:
    assert loose_email(text) == "anne@proton.me"


@pytest.mark.parametrize("text", ["anne.dupont+news@gmail.com", "annedupont@googlemail.com", "ANNE.DUPONT@gmail.com"])
def test_variants_of_a_mailbox_meet_on_the_loose_form(text: str) -> None:
    assert loose_email(text) == "annedupont@gmail.com"


def test_what_the_loose_form_would_leave_empty_stays() -> None:
    assert loose_email("+x@acme.example") == "+x@acme.example"
    assert loose_email("no address") == "no address"


@pytest.mark.parametrize(
    "text", ["Anne Dupont", " anne   DUPONT ", "Dupont, Anne", '"Dupont, Anne"', "'Anne Dupont'", "DUPONT Anne",
             "Mme Anne Dupont", "Anne Dupont (Acme)", "'Anne Dupont' via Sales", "Anne Dupont (via liste)"],
)  # fmt: skip
def test_spellings_of_a_name_meet(text: str) -> None:
    assert canonical_name(text) == "anne dupont"


def test_a_name_with_several_commas_is_left_in_its_order() -> None:
    assert canonical_name("Dupont, Anne, Dr") == "dupont, anne, dr"


def test_digests_tell_scope_kind_and_person_apart_and_nothing_else() -> None:
    digest = subject_digest(KEY, "julien", "email", "Anne@ACME.example ")
    assert digest == subject_digest(KEY, "julien", "email", "anne@acme.example")
    assert digest == digest_canonical(KEY, "julien", "email", "anne@acme.example")
    others = {
        subject_digest(KEY, "other", "email", "anne@acme.example"),
        subject_digest(KEY, "julien", "name", "anne@acme.example"),
        subject_digest(KEY, "julien", "email", "anna@acme.example"),
        subject_digest(DigestKey(b"x" * 32, b"o" * 32), "julien", "email", "anne@acme.example"),
    }
    assert digest not in others
    assert len(others) == 4


def test_other_kinds_of_key_are_stripped_and_in_lower_case() -> None:
    assert canonical("customer", " C-4711 ") == "c-4711"
    assert canonical("name", "Dupont, Anne") == "anne dupont"
