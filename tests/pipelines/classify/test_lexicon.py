"""The lexicon is data: every category in it is a key of the IAB Tech Lab taxonomy, every abbreviation is read."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.classify import categories as c
from pipelines.classify import names
from pipelines.classify.lexicon import lexicon

TAXONOMY: Final = frozenset(
    f"user{'.' if key else ''}{key}"
    for key in """
    account account.settings account.username authorization authorization.credentials authorization.biometric
    authorization.password behavior behavior.browsing_history behavior.media_consumption behavior.purchase_history
    behavior.search_history biometric contact contact.address contact.address.city contact.address.country contact.email
    contact.phone_number contact.url contact.fax_number contact.address.postal_code contact.address.state
    contact.address.street contact.organization content content.private content.public content.self_image demographic
    demographic.age_range demographic.date_of_birth demographic.gender demographic.language demographic.marital_status
    demographic.political_opinion demographic.profile demographic.race_ethnicity demographic.religious_belief
    demographic.sexual_orientation location location.imprecise location.precise device device.cookie device.cookie_id
    device.device_id device.ip_address payment social unique_id unique_id.pseudonymous telemetry user_sensor workplace
    sensor financial financial.bank_account financial.credit_card government_id government_id.birth_certificate
    government_id.drivers_license_number government_id.immigration government_id.national_identification_number
    government_id.passport_number government_id.vehicle_registration health_and_medical health_and_medical.genetic
    health_and_medical.insurance_beneficiary_id health_and_medical.record_id name name.first name.last
    criminal_history privacy_preferences job_title
    """.split()  # noqa: SIM905 - it reads better as a text
)
"""The data categories of `fideslang` 3.1.4 under `user`."""


def test_every_category_is_a_key_of_the_taxonomy() -> None:
    ours = {value for name, value in vars(c).items() if name.isupper() and isinstance(value, str)}
    assert ours | {rule.category for rule in lexicon().rules} | set(c.OF_ENTITY.values()) <= TAXONOMY


def test_what_several_categories_share_is_a_key_too() -> None:
    assert c.shared([c.EMAIL, c.PHONE]) == c.CONTACT
    assert c.shared([c.STREET, c.CITY]) == c.ADDRESS
    assert c.shared([c.EMAIL, c.BIRTH]) == "user"
    assert c.shared([c.EMAIL]) == c.EMAIL


@pytest.mark.parametrize(
    ("glued", "apart"),
    [
        ("dtnais", ("dt", "nais")),
        ("NOMCLI", ("nom", "cli")),
        ("ADRLIV1", ("adr", "liv", "1")),
        ("nomfichier", ("nom", "fichier")),
        ("CDSITFAM", ("cd", "sitfam")),
        ("custPhoneNo", ("cust", "phone", "no")),
        ("mtttc", ("mt", "ttc")),
        ("message", ("message",)),
        ("hostage", ("hostage",)),
        ("pantone", ("pantone",)),
    ],
)
def test_words_written_together_are_taken_apart_only_when_all_parts_are_known(
    glued: str, apart: tuple[str, ...]
) -> None:
    assert names.tokens(glued) == apart


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("PRNCLI", c.FIRST_NAME),
        ("nom_jf", c.LAST_NAME),
        ("usr_lname", c.LAST_NAME),
        ("no_secu", c.NATIONAL_ID),
        ("adr_mel", c.EMAIL),
        ("tel_port", c.PHONE),
        ("num_voie", c.STREET),
        ("code_insee", c.CITY),
        ("lieu_naiss", c.CITY),
        ("nb_enf", c.DEMOGRAPHIC),
        ("sit_fam", c.MARITAL),
        ("lib_csp", c.JOB),
        ("TitleOfCourtesy", c.GENDER),
        ("SexAtBirth", c.GENDER),
        ("medecin_traitant", c.NAME),
        ("next_of_kin", c.NAME),
        ("mt_salaire", c.SALARY),
        ("cc_last4", c.CARD),
        ("piece_identite", c.NATIONAL_ID),
        ("permis_conduire", c.LICENCE),
        ("mfa_secret", c.CREDENTIALS),
    ],
)
def test_abbreviations_and_both_languages_are_read(name: str, category: str) -> None:
    assert names.read(name).category == category
    assert not names.read(name).weak


@pytest.mark.parametrize(
    "name",
    [
        "lib_prod",
        "mt_ttc",
        "cd_etat",
        "num_cli",
        "cd_cli",
        "siret_cli",
        "mail_envoye",
        "nb_tel",
        "type_voie",
        "PhoneType",
    ],
)
def test_codes_amounts_flags_and_counts_speak_of_nobody(name: str) -> None:
    assert names.read(name).category is None


def test_a_word_that_all_columns_share_says_what_the_table_is_about_and_nothing_of_the_column() -> None:
    columns = ["sal_nom", "sal_prenom", "sal_tx_activite", "sal_dt_entree", "sal_brut"]
    common = names.common_words(columns)
    assert common == {"sal"}
    assert names.read("sal_tx_activite", common).category is None
    assert names.read("sal_brut", common).category == c.SALARY


@given(st.text(max_size=40))
def test_any_name_is_read(name: str) -> None:
    evidence = names.read(name)
    assert evidence.category is None or evidence.category in TAXONOMY


@given(st.sampled_from(sorted(lexicon().known)))
def test_case_changes_nothing(word: str) -> None:
    assert names.read(word).category == names.read(word.upper()).category
