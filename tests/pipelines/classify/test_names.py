"""Column names are read as tokens, in French and English."""

from __future__ import annotations

import pytest

from pipelines.classify import categories as c
from pipelines.classify import names


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("BillingPostalCode", ("billing", "postal", "code")),
        ("date_naissance", ("date", "naissance")),
        ("PRÉNOM", ("prenom",)),
        ("firstname", ("first", "name")),
        ("IPAddress", ("ip", "address")),
        ("adr1", ("adr", "1")),
    ],
)
def test_names_are_split_into_tokens(name: str, tokens: tuple[str, ...]) -> None:
    assert names.tokens(name) == tokens


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("email", c.EMAIL),
        ("courriel_perso", c.EMAIL),
        ("nom_de_famille", c.LAST_NAME),
        ("Prenom", c.FIRST_NAME),
        ("tel_portable", c.PHONE),
        ("CP", c.POSTCODE),
        ("dt_naiss", c.BIRTH),
        ("num_secu", c.NATIONAL_ID),
        ("user_agent", c.DEVICE),
        ("remote_addr", c.IP),
        ("customer_name", c.NAME),
        ("email_address", c.EMAIL),
        ("ip_address", c.IP),
        ("CUST_GNDR", c.GENDER),
        ("mrtl_sts", c.MARITAL),
        ("cstmr_frst_nm", c.FIRST_NAME),
        ("CUST_TAX_ID", c.TAX_ID),
    ],
)
def test_a_name_speaks_for_a_category(name: str, category: str) -> None:
    assert names.read(name).category == category


@pytest.mark.parametrize(
    "name",
    [
        "email_verified",
        "phone_count",
        "address_id",
        "company_name_id",
        "supplier_name",
        "email_template",
        "product_name",
        "prdct_nm",
        "mt_crds",
    ],
)
def test_a_veto_turns_a_name_away_from_the_person(name: str) -> None:
    assert names.read(name).category is None
    assert names.read(name).veto


@pytest.mark.parametrize("name", ["micip", "pantone", "stadium", "hotelier", "recital"])
def test_substrings_are_no_evidence(name: str) -> None:
    assert names.read(name) == names.NOTHING


def test_a_key_of_any_length_is_read_at_once() -> None:
    words = [f"{'nomprenomdatenaissance' * 200}{place}" for place in range(50)]
    assert all(names.read(word) == names.NOTHING for word in words)
