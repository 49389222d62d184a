"""The last set to be written, after all that the others had taught: loans, volunteers, a pharmacy.

First run of the classifier that had not seen it: F1 0.98 by the exact key.
"""

from __future__ import annotations

from benchmarks.schemas.labelled import NOT, OPEN, Labelled, col, day, made, money, one_of, shaped, whole
from benchmarks.schemas.words import (
    CITIES_FR,
    COMPANIES,
    EMAIL_EN,
    EMAIL_FR,
    FIRST_EN,
    FIRST_FR,
    LAST_EN,
    LAST_FR,
    PHONE_FR,
    POSTCODE_FR,
    REMARKS_FR,
    full,
    pick,
    remark,
    street_en,
    street_fr,
)  # fmt: skip
from pipelines.classify import categories as c

PERSON_FR, PERSON_EN = full(FIRST_FR, LAST_FR), full(FIRST_EN, LAST_EN)


def tables() -> list[Labelled]:
    """The tables."""
    return [
        made(
            "TBL_EMPRUNTEUR",
            60,
            {
                "EMP_ID": col(whole(1, 9999), NOT, "int", key=True),
                "EMP_CIVIL": col(one_of("M.", "Mme"), c.GENDER),
                "EMP_NOM": col(pick(LAST_FR), c.LAST_NAME),
                "EMP_PREN": col(pick(FIRST_FR), c.FIRST_NAME),
                "EMP_DNAIS": col(day(1950, 2010, "{2:02}/{1:02}/{0}"), c.BIRTH),
                "EMP_ADR_RUE": col(street_fr, c.STREET),
                "EMP_ADR_CP": col(POSTCODE_FR, c.POSTCODE),
                "EMP_ADR_VILLE": col(pick(CITIES_FR), c.CITY),
                "EMP_TELFIXE": col(PHONE_FR, c.PHONE, sparse=0.6),
                "EMP_MOB": col(PHONE_FR, c.PHONE),
                "EMP_MEL": col(EMAIL_FR, c.EMAIL),
                "EMP_CATSOC": col(one_of("Retraité", "Étudiant", "Actif"), OPEN),
                "EMP_NBPRETS": col(whole(0, 20), NOT, "int"),
                "EMP_AMENDE": col(money(20), NOT, "numeric"),
                "EMP_DTINSCR": col(day(2010, 2024), NOT, "date"),
                "EMP_BLOQUE": col(one_of("O", "N"), NOT),
                "EMP_MEMO": col(remark(REMARKS_FR, FIRST_FR, LAST_FR, 0.2), c.TEXT, sparse=0.7),
            },
        ),
        made(
            "loan_applications",
            60,
            {
                "application_id": col(shaped("APP-999999"), NOT, key=True),
                "applicantFullName": col(PERSON_EN, c.NAME),
                "applicantDateOfBirth": col(day(1950, 2000), c.BIRTH, "date"),
                "applicantSSN": col(shaped("999-99-9999"), c.NATIONAL_ID),
                "employerName": col(pick(COMPANIES), c.WORKPLACE),
                "annualIncome": col(money(90000), c.SALARY, "numeric"),
                "loanAmount": col(money(90000), NOT, "numeric"),
                "interestRate": col(money(9), NOT, "numeric"),
                "creditScore": col(whole(300, 850), OPEN, "int"),
                "coApplicantName": col(PERSON_EN, c.NAME, sparse=0.6),
                "residentialStatus": col(one_of("owner", "tenant"), OPEN),
                "homeAddress": col(street_en, c.STREET),
                "zipPlus4": col(shaped("99999-9999"), c.POSTCODE),
                "dlNumber": col(shaped("A9999999"), c.LICENCE, sparse=0.5),
                "decision": col(one_of("approved", "rejected"), NOT),
                "underwriter": col(PERSON_EN, c.NAME),
                "decisionReason": col(one_of("Insufficient income", "OK"), NOT),
            },
        ),
        made(
            "chantiers",
            40,
            {
                "no_chantier": col(shaped("CH9999"), NOT, key=True),
                "lib_chantier": col(one_of("Ravalement", "Toiture", "Extension"), NOT),
                "maitre_ouvrage": col(PERSON_FR, OPEN),
                "conducteur_trx": col(PERSON_FR, c.NAME),
                "adr_chantier": col(street_fr, OPEN),
                "dt_deb": col(day(2020, 2024), NOT, "date"),
                "mt_devis": col(money(9000), NOT, "numeric"),
                "avancement": col(whole(0, 100), NOT, "int"),
            },
        ),
        made(
            "subscribers",
            60,
            {
                "msisdn": col(shaped("336999999999"), c.PHONE),
                "imsi": col(shaped("208019999999999"), c.DEVICE_ID),
                "imei": col(shaped("359999999999999"), c.DEVICE_ID),
                "plan_code": col(one_of("P10", "P20"), NOT),
                "activation_date": col(day(2015, 2024), NOT, "date"),
                "last_cell_id": col(shaped("99999"), OPEN),
                "holder_name": col(PERSON_EN, c.NAME),
                "billing_addr": col(street_en, c.STREET),
                "puk": col(shaped("99999999"), OPEN),
                "roaming": col(one_of("Y", "N"), NOT),
                "data_mb": col(whole(0, 9999), NOT, "int"),
            },
        ),
        made(
            "asso_benevoles",
            50,
            {
                "id": col(whole(1, 999), NOT, "int", key=True),
                "identite": col(PERSON_FR, c.NAME),
                "dispo": col(one_of("week-end", "soir"), NOT),
                "competences": col(one_of("cuisine", "conduite", "accueil"), NOT),
                "email_perso": col(EMAIL_FR, c.EMAIL),
                "tel_1": col(PHONE_FR, c.PHONE),
                "pers_a_prevenir": col(PERSON_FR, c.NAME, sparse=0.4),
                "tel_pers_prev": col(PHONE_FR, c.PHONE, sparse=0.4),
                "taille_tshirt": col(one_of("S", "M", "L"), NOT),
                "regime": col(one_of("végétarien", "halal"), OPEN, sparse=0.7),
                "date_arrivee": col(day(2018, 2024), NOT, "date"),
                "remarques": col(remark(REMARKS_FR, FIRST_FR, LAST_FR, 0.2), c.TEXT, sparse=0.7),
                "annee_naiss": col(whole(1950, 2006), c.BIRTH, "int"),
            },
        ),
        made(
            "gps_positions",
            60,
            {
                "id": col(whole(1, 9**6), NOT, "bigint", key=True),
                "driver_id": col(whole(1, 99), NOT, "int"),
                "lat": col(money(50), c.LOCATION, "double"),
                "lon": col(money(5), c.LOCATION, "double"),
                "speed": col(money(90), NOT, "double"),
                "heading": col(whole(0, 360), NOT, "int"),
                "recorded_at": col(day(2023, 2024), NOT, "timestamp"),
            },
        ),
        made(
            "newsletter",
            40,
            {
                "e_mail": col(EMAIL_EN, c.EMAIL),
                "opted_in": col(one_of("1", "0"), NOT),
                "source_page": col(one_of("/home", "/blog"), NOT),
                "lang_code": col(one_of("en", "fr"), c.LANGUAGE),
                "unsub_token": col(shaped("a9a9a9a9a9a9"), OPEN),
                "last_open": col(day(2023, 2024), NOT, "timestamp"),
                "bounces": col(whole(0, 3), NOT, "int"),
            },
        ),
        made(
            "pharmacy_dispense",
            50,
            {
                "rx_no": col(shaped("RX999999"), NOT, key=True),
                "pt_name": col(full(FIRST_EN, LAST_EN, "{last}, {first}"), c.NAME),
                "pt_dob": col(day(1930, 2010), c.BIRTH, "date"),
                "drug": col(one_of("Amoxicillin 500mg", "Ibuprofen 200mg"), OPEN),
                "prescriber": col(full(FIRST_EN, LAST_EN, "Dr {last}"), c.NAME),
                "qty": col(whole(1, 90), NOT, "int"),
                "dosage_instr": col(one_of("Take one daily", "Twice a day"), OPEN),
                "nhs_no": col(shaped("999 999 9999"), "user.health_and_medical.record_id"),
                "collected_by": col(PERSON_EN, c.NAME, sparse=0.3),
                "cost_pence": col(whole(1, 9999), NOT, "int"),
            },
        ),
    ]
