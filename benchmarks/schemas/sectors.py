"""What a reviewer wrote to break the classifier: a hospital, a club, a bank's core, an airline, SAP, Rails, Django.

First run of the classifier that had not seen it: F1 0.89 by the exact key.
"""

from __future__ import annotations

import json
import random

from benchmarks.schemas.labelled import NOT, OPEN, Labelled, col, day, made, mixed, money, one_of, shaped, whole
from benchmarks.schemas.words import (
    CITIES_EN,
    CITIES_FR,
    COMPANIES,
    EMAIL_EN,
    EMAIL_FR,
    FIRST_EN,
    FIRST_FR,
    JOBS_FR,
    LAST_EN,
    LAST_FR,
    PHONE_EN,
    PHONE_FR,
    POSTCODE_FR,
    PRODUCTS_FR,
    REMARKS_FR,
    card,
    full,
    iban_fr,
    login,
    nir,
    pick,
    remark,
    siret,
    street_en,
    street_fr,
    upper,
)  # fmt: skip
from pipelines.classify import categories as c

PERSON_FR, PERSON_EN = full(FIRST_FR, LAST_FR), full(FIRST_EN, LAST_EN)
TOOLS = one_of(
    "Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)", "curl/8.4.0"
)


def passenger(chance: random.Random) -> str:
    """A passenger as a reservation system writes one."""
    return f"{chance.choice(LAST_EN)}/{chance.choice(FIRST_EN)} {chance.choice(['MR', 'MRS', 'MS'])}".upper()


def payload(chance: random.Random) -> str:
    """An event's content, with the person inside."""
    order = {"ref": f"O-{chance.randrange(10**6)}", "total": chance.randrange(1, 900)}
    buyer = {"email": EMAIL_EN(chance), "firstName": chance.choice(FIRST_EN), "lastName": chance.choice(LAST_EN)}
    return json.dumps({"order": order, "buyer": buyer})


def dimensions(chance: random.Random) -> str:
    """Measures of a product."""
    return json.dumps({"width_mm": chance.randrange(900), "weight_g": chance.randrange(9000), "sku": "B-12"})


def ip(chance: random.Random) -> str:
    """An address of the net."""
    return ".".join(str(chance.randrange(1, 255)) for _ in range(4))


def tables() -> list[Labelled]:
    """The tables."""
    return [
        made(
            "HIS_PATIENT",
            60,
            {
                "IPP": col(shaped("8009999999"), OPEN, key=True),
                "NOM_NAISSANCE": col(upper(pick(LAST_FR)), c.LAST_NAME),
                "NOM_USUEL": col(upper(pick(LAST_FR)), c.LAST_NAME, sparse=0.5),
                "PRENOM_1": col(pick(FIRST_FR), c.FIRST_NAME),
                "DDN": col(day(1930, 2020, "{0}{1:02}{2:02}"), c.BIRTH),
                "SEXE": col(one_of("1", "2"), c.GENDER),
                "LIEU_NAISS_INSEE": col(shaped("75199"), OPEN),
                "INS_NIR": col(nir, c.NATIONAL_ID),
                "MEDECIN_TRAITANT": col(full(FIRST_FR, LAST_FR, "Dr {last} {first}"), c.NAME, sparse=0.3),
                "PERSONNE_CONFIANCE": col(PERSON_FR, c.NAME, sparse=0.5),
                "TEL_PORTABLE": col(PHONE_FR, c.PHONE),
                "DT_DECES": col(day(2015, 2024), OPEN, "date", sparse=0.9),
                "TOP_VIP": col(one_of("0", "1"), NOT, "char(1)"),
            },
        ),
        made(
            "HIS_SEJOUR",
            60,
            {
                "NDA": col(shaped("249999999"), NOT, key=True),
                "IPP": col(shaped("8009999999"), OPEN, reference="HIS_PATIENT"),
                "CD_UF": col(shaped("9999"), NOT),
                "LIB_UF": col(one_of("CARDIOLOGIE", "URGENCES", "PEDIATRIE"), NOT),
                "DT_ENTREE": col(day(2020, 2024), NOT, "timestamp"),
                "MODE_SORTIE": col(one_of("DOMICILE", "TRANSFERT"), NOT),
                "DIAG_PRINC_CIM10": col(one_of("I10", "E11.9", "J45.0", "C50.9", "F32.1"), c.HEALTH),
                "GHM": col(one_of("05M091", "04M053"), OPEN),
                "OBS_INFIRMIERE": col(remark(REMARKS_FR, FIRST_FR, LAST_FR, 0.3), c.TEXT),
            },
        ),
        made(
            "licencies",
            50,
            {
                "no_licence": col(shaped("9999999999"), OPEN, key=True),
                "nom_jeune_fille": col(pick(LAST_FR), c.LAST_NAME, sparse=0.7),
                "nom": col(pick(LAST_FR), c.LAST_NAME),
                "prenom": col(pick(FIRST_FR), c.FIRST_NAME),
                "ne_le": col(day(1960, 2015, "{2:02}/{1:02}/{0}"), c.BIRTH),
                "cat_age": col(one_of("U13", "U15", "Senior"), OPEN),
                "resp_legal_1": col(PERSON_FR, c.NAME, sparse=0.4),
                "mail_resp_legal_1": col(EMAIL_FR, c.EMAIL, sparse=0.4),
                "certif_medical_ok": col(one_of("O", "N"), OPEN),
                "allergies": col(one_of("arachides", "aucune", "pollen, chat", "gluten"), c.HEALTH, sparse=0.6),
                "taille_maillot": col(one_of("S", "M", "XL"), NOT),
                "poste": col(one_of("gardien", "ailier", "pivot"), OPEN),
                "cotis_reglee": col(money(200), NOT, "numeric"),
            },
        ),
        made(
            "CBS_CUST_MSTR",
            60,
            {
                "CUST_NO": col(shaped("99999999"), NOT, key=True),
                "CUST_SHORT_NM": col(full(FIRST_EN, LAST_EN, "{last} {first}"), c.NAME),
                "CUST_DOB_DT": col(day(1940, 2004), c.BIRTH, "date"),
                "CUST_NATN_CD": col(one_of("FR", "GB", "PT"), c.DEMOGRAPHIC),
                "CUST_MRTL_STS": col(one_of("S", "M", "D", "W"), c.MARITAL),
                "CUST_OCCPN": col(one_of("Teacher", "Nurse", "Engineer"), c.JOB),
                "CUST_TAX_ID": col(shaped("9999999999999"), c.TAX_ID),
                "KYC_RISK_RTG": col(one_of("LOW", "MED", "HIGH"), OPEN),
                "PEP_FLG": col(one_of("Y", "N"), OPEN),
                "MOB_NO": col(PHONE_EN, c.PHONE),
                "ADDR_LN_1": col(street_en, c.STREET),
                "ADDR_TWN": col(pick(CITIES_EN), c.CITY),
                "LST_UPD_TS": col(day(2020, 2024), NOT, "timestamp"),
                "LST_UPD_USR": col(login, c.USERNAME),
            },
        ),
        made(
            "CBS_TXN",
            60,
            {
                "TXN_REF": col(shaped("FT99999AAAA9"), NOT, key=True),
                "DR_ACCT_IBAN": col(iban_fr, c.BANK),
                "CR_BEN_NM": col(PERSON_EN, c.NAME),
                "TXN_AMT": col(money(9000), NOT, "numeric"),
                "TXN_CCY": col(one_of("EUR", "GBP"), NOT),
                "BIC": col(one_of("BNPAFRPP", "AGRIFRPP", "CEPAFRPP"), OPEN),
                "CARD_PAN": col(card, c.CARD, sparse=0.5),
                "MCC": col(shaped("5999"), NOT),
                "VAL_DT": col(day(2020, 2024), NOT, "date"),
                "CHQ_NO": col(shaped("9999999"), NOT, sparse=0.5),
            },
        ),
        made(
            "pnr_segments",
            50,
            {
                "rloc": col(shaped("AAAA9A"), OPEN, key=True),
                "pax_name": col(passenger, c.NAME),
                "pax_type": col(one_of("ADT", "CHD", "INF"), OPEN),
                "orig": col(one_of("CDG", "LHR", "NCE"), NOT),
                "dest": col(one_of("JFK", "ORY", "LYS"), NOT),
                "flt_no": col(shaped("AF999"), NOT),
                "bkg_class": col(one_of("Y", "J", "M"), NOT),
                "seat": col(one_of("12A", "3C", "27F"), OPEN),
                "ff_number": col(shaped("9999999999"), OPEN, sparse=0.5),
                "ssr_meal": col(one_of("KSML", "MOML", "VGML"), OPEN, sparse=0.8),
                "ctc_mob": col(PHONE_EN, c.PHONE),
                "ctc_mail": col(EMAIL_EN, c.EMAIL),
                "doc_passport_no": col(shaped("99AA99999"), c.PASSPORT),
                "doc_nationality": col(one_of("FRA", "GBR"), c.DEMOGRAPHIC),
                "doc_expiry": col(day(2025, 2034), NOT, "date"),
                "tkt_number": col(shaped("057-9999999999"), NOT),
            },
        ),
        made(
            "KNA1",
            60,
            {
                "MANDT": col(one_of("100"), NOT),
                "KUNNR": col(shaped("0000999999"), NOT, key=True),
                "NAME1": col(full(FIRST_FR, LAST_FR, "{last} {first}"), c.NAME),
                "STRAS": col(street_fr, c.STREET),
                "PSTLZ": col(POSTCODE_FR, c.POSTCODE),
                "ORT01": col(pick(CITIES_FR), c.CITY),
                "LAND1": col(one_of("FR"), OPEN),
                "TELF1": col(PHONE_FR, c.PHONE),
                "SMTP_ADDR": col(EMAIL_FR, c.EMAIL),
                "ERDAT": col(day(2010, 2024, "{0}{1:02}{2:02}"), NOT),
                "ERNAM": col(upper(login), c.USERNAME),
                "KTOKD": col(one_of("DEBI", "CPD"), NOT),
                "LOEVM": col(one_of("X"), NOT, sparse=0.9),
                "STCD1": col(siret, NOT, sparse=0.7),
            },
        ),
        made(
            "auth_user",
            50,
            {
                "id": col(whole(1, 9**5), NOT, "integer", key=True),
                "password": col(shaped("pbkdf2_sha256$600000$aaaa9aaaa$aA9aA9aA9aA9"), c.PASSWORD),
                "last_login": col(day(2023, 2024), NOT, "timestamp"),
                "is_superuser": col(one_of("true", "false"), NOT, "boolean"),
                "username": col(login, c.USERNAME),
                "date_joined": col(day(2015, 2024), NOT, "timestamp"),
            },
        ),
        made(
            "spree_addresses",
            50,
            {
                "firstname": col(pick(FIRST_EN), c.FIRST_NAME),
                "lastname": col(pick(LAST_EN), c.LAST_NAME),
                "address1": col(street_en, c.STREET),
                "address2": col(one_of("Flat 2", "Apt 4B", "3rd floor"), OPEN, sparse=0.8),
                "state_name": col(one_of("Kent", "Devon", "Ohio"), c.REGION),
                "alternative_phone": col(PHONE_EN, c.PHONE, sparse=0.7),
                "company": col(pick(COMPANIES), c.WORKPLACE, sparse=0.6),
                "lock_version": col(whole(0, 4), NOT, "integer"),
            },
        ),
        made(
            "domain_events",
            50,
            {
                "event_id": col(shaped("a9a9a9a9-a9a9-a9a9-a9a9-a9a9a9a9a9a9"), NOT, "uuid", key=True),
                "aggregateType": col(one_of("Order", "Invoice"), NOT),
                "aggregateVersion": col(whole(1, 30), NOT, "int"),
                "payload": col(payload, "user", "jsonb"),
                "clientIp": col(ip, c.IP),
                "userAgent": col(TOOLS, c.DEVICE),
                "traceId": col(shaped("a9a9a9a9a9a9a9a9"), NOT),
                "occurredAt": col(day(2023, 2024), NOT, "timestamp"),
            },
        ),
        made(
            "PROD_MASTER",
            40,
            {
                "PM_CODE": col(shaped("PM-9999"), NOT, key=True),
                "PM_LIB": col(pick(PRODUCTS_FR), NOT),
                "PM_MARQUE": col(pick(COMPANIES), NOT),
                "PM_DIMS": col(dimensions, NOT, "json"),
                "PM_EAN13": col(shaped("3999999999999"), NOT),
                "PM_PX_ACHAT": col(money(900), NOT, "numeric"),
                "PM_ACHETEUR": col(PERSON_FR, c.NAME),
                "PM_URL_IMG": col(shaped("/img/9999.png"), NOT),
            },
        ),
        made(
            "tiers_fournisseurs",
            40,
            {
                "cd_frn": col(shaped("F9999"), NOT, key=True),
                "rais_soc": col(pick(COMPANIES), NOT),
                "siret": col(siret, NOT),
                "adr1": col(street_fr, NOT),
                "cdpost": col(POSTCODE_FR, NOT),
                "bur_distrib": col(pick(CITIES_FR), NOT),
                "interloc": col(PERSON_FR, c.NAME),
                "interloc_fct": col(pick(JOBS_FR), c.JOB),
                "interloc_ligne_dir": col(PHONE_FR, c.PHONE),
                "cond_regl": col(one_of("30J", "45JFM"), NOT),
                "iban": col(iban_fr, OPEN),
            },
        ),
        made(
            "rh_bulletins",
            50,
            {
                "matri": col(shaped("M99999"), OPEN, key=True),
                "nom_prenom": col(full(FIRST_FR, LAST_FR, "{last} {first}"), c.NAME),
                "emploi_occupe": col(pick(JOBS_FR), c.JOB),
                "sal_base": col(money(4000), c.SALARY, "numeric"),
                "net_a_payer": col(money(4000), c.SALARY, "numeric"),
                "nb_h_sup": col(whole(0, 20), NOT, "int"),
                "synd_adh": col(one_of("CGT", "CFDT", "FO"), OPEN, sparse=0.7),
                "rqth": col(one_of("O", "N"), OPEN),
                "periode": col(day(2023, 2025, "{0}-{1:02}"), NOT),
                "nb_enf": col(whole(0, 5), OPEN, "int"),
                "coord_banc": col(iban_fr, c.BANK),
                "contact_urgence": col(
                    mixed((2, full(FIRST_FR, LAST_FR, "{first} {last} 06 12 34 56 78")), (1, PHONE_FR)), OPEN
                ),
            },
        ),
    ]
