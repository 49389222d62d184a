"""An English group of practices and its software shop: camel case, prefixes, JSON, logs, codes, wrong names."""

from __future__ import annotations

import json
import random

from benchmarks.schemas.labelled import NOT, OPEN, Labelled, Made, day, made, mixed, money, one_of, shaped, whole
from benchmarks.schemas.words import (
    CITIES_EN,
    COMPANIES,
    EMAIL_EN,
    FIRST_EN,
    JOBS_EN,
    LAST_EN,
    PHONE_EN,
    POSTCODE_EN,
    PRODUCTS_EN,
    REMARKS_EN,
    card,
    full,
    login,
    pick,
    remark,
    street_en,
)  # fmt: skip
from pipelines.classify import categories as c

UUID = shaped("99aa99aa-9999-4999-8999-99aa99aa99aa")
IP = shaped("81.99.19.29")
AGENT = one_of(
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36",
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)",
    "Mozilla/5.0 (X11; Linux x86_64; rv:124.0) Gecko/20100101 Firefox/124.0",
)  # fmt: skip


def _profile(chance: random.Random) -> str:
    return json.dumps(
        {
            "contact": {"email": EMAIL_EN(chance), "mobile": PHONE_EN(chance)},
            "theme": chance.choice(["dark", "light"]),
            "tags": [chance.choice(["new", "vip", "trial"])],
        }
    )


def _settings(chance: random.Random) -> str:
    return json.dumps(
        {
            "currency": chance.choice(["GBP", "USD"]),
            "pageSize": chance.randrange(10, 100),
            "beta": chance.random() < 0.5,
        }
    )


def tables() -> list[Labelled]:
    """The tables of the practices and of the shop."""
    return [
        made("PatientRecord", 110, {
            "PatientGuid": Made("uniqueidentifier", UUID, NOT, key=True),
            "GivenNames": Made("nvarchar(60)", pick(FIRST_EN), c.FIRST_NAME),
            "Surname": Made("nvarchar(60)", pick(LAST_EN), c.LAST_NAME),
            "DOB": Made("datetime", day(1930, 2020), c.BIRTH),
            "SexAtBirth": Made("char(1)", one_of("M", "F"), c.GENDER),
            "NINumber": Made("varchar(13)", shaped("AA 99 99 99 A"), c.NATIONAL_ID, sparse=0.3),
            "HomeAddrLine1": Made("nvarchar(80)", street_en, c.STREET),
            "HomeTown": Made("nvarchar(40)", pick(CITIES_EN), c.CITY),
            "PostCode": Made("varchar(9)", POSTCODE_EN, c.POSTCODE),
            "MobileNo": Made("varchar(20)", PHONE_EN, c.PHONE),
            "NextOfKin": Made("nvarchar(80)", full(FIRST_EN, LAST_EN), c.NAME, sparse=0.4),
            "GPName": Made("nvarchar(80)", full(FIRST_EN, LAST_EN, "Dr {first} {last}"), c.NAME),
            "Allergies": Made("nvarchar(80)", one_of("Penicillin", "Peanuts", "None known", "Latex"), c.HEALTH,
                    sparse=0.5),
            "BloodGrp": Made("varchar(3)", one_of("A+", "B-", "O+", "AB-"), c.HEALTH, sparse=0.5),
            "Ethnicity": Made("varchar(30)", one_of("White British", "Black Caribbean", "Indian", "Not stated"),
                    c.ETHNICITY),
            "Religion": Made("varchar(20)", one_of("None", "Christian", "Muslim", "Hindu"), c.RELIGION, sparse=0.5),
            "SmokerFlag": Made("bit", one_of(0, 1), OPEN),
            "RegisteredOn": Made("datetime", day(2005, 2024), NOT),
            "Notes": Made("nvarchar(max)", remark(REMARKS_EN, FIRST_EN, LAST_EN, 0.2), c.TEXT, sparse=0.4),
        }),
        made("Appt", 120, {
            "ApptId": Made("int", whole(1, 10**6), NOT, key=True),
            "PatientGuid": Made("uniqueidentifier", UUID, NOT, reference="PatientRecord"),
            "ApptStart": Made("datetime", day(2022, 2024), NOT),
            "RoomCode": Made("varchar(6)", shaped("R9-A"), NOT),
            "ApptType": Made("varchar(20)", one_of("Review", "New", "Follow-up"), NOT),
            "BookedBy": Made("varchar(60)", full(FIRST_EN, LAST_EN), c.NAME),
            "DurationMins": Made("int", whole(5, 60), NOT),
            "CancelReason": Made("nvarchar(200)", one_of("Patient unwell", "Clinician away", "No longer needed"),
                    NOT, sparse=0.8),
            "Diagnosis": Made("nvarchar(80)", one_of("Asthma", "Hypertension", "Migraine", "Eczema"), c.HEALTH,
                    sparse=0.3),
        }),
        made("usr_accounts", 100, {
            "usr_id": Made("bigint", whole(1, 10**9), NOT, key=True),
            "usr_login": Made("varchar(40)", login, c.USERNAME),
            "usr_mail": Made("varchar(90)", EMAIL_EN, c.EMAIL),
            "usr_pwd_hash": Made("varchar(90)", shaped("$2b$12$aA9aA9aA9aA9aA9"), c.PASSWORD),
            "usr_fname": Made("varchar(40)", pick(FIRST_EN), c.FIRST_NAME),
            "usr_lname": Made("varchar(40)", pick(LAST_EN), c.LAST_NAME),
            "usr_locale": Made("char(5)", one_of("en_GB", "fr_FR", "de_DE"), c.LANGUAGE),
            "usr_tz": Made("varchar(30)", one_of("Europe/London", "America/New_York"), NOT),
            "usr_status": Made("varchar(10)", one_of("active", "locked"), NOT),
            "usr_last_ip": Made("varchar(45)", IP, c.IP),
            "usr_created": Made("timestamp", day(2018, 2024), NOT),
            "usr_email_verified_at": Made("timestamp", day(2018, 2024), NOT),
            "usr_mfa_secret": Made("varchar(40)", shaped("AAAA9AAAA9AAAA9A"), c.CREDENTIALS, sparse=0.5),
            "usr_avatar_url": Made("varchar(200)", shaped("https://cdn.example.org/aaaa9999.png"), c.IMAGE),
            "usr_title": Made("varchar(60)", pick(JOBS_EN), c.JOB),
            "usr_profile": Made("jsonb", _profile, c.CONTACT),
            "usr_settings": Made("jsonb", _settings, NOT),
            "usr_referral_code": Made("varchar(10)", shaped("AA99AA99"), NOT),
        }),
        made("audit_log", 150, {
            "id": Made("bigint", whole(1, 10**9), NOT, key=True),
            "ts": Made("timestamptz", day(2023, 2024, "{0}-{1:02}-{2:02} 10:00:00+00"), NOT),
            "actor": Made("varchar(90)", EMAIL_EN, c.EMAIL),
            "action": Made("varchar(30)", one_of("user.login", "invoice.create", "role.update"), NOT),
            "remote_addr": Made("inet", IP, c.IP),
            "ua": Made("text", AGENT, c.DEVICE),
            "referer": Made("text", shaped("https://www.example.org/aaaa/9999"), c.BROWSING, sparse=0.5),
            "session_id": Made("char(32)", shaped("a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9a9"), c.COOKIE),
            "http_status": Made("smallint", one_of(200, 302, 404), NOT),
            "duration_ms": Made("int", whole(1, 4000), NOT),
            "request_id": Made("uuid", UUID, NOT),
            "app_version": Made("varchar(15)", shaped("2.9.9.9"), NOT),
        }),
        made("tblProducts", 70, {
            "ProductCode": Made("varchar(12)", shaped("PRD-9999"), NOT, key=True),
            "name": Made("varchar(80)", pick(PRODUCTS_EN), NOT),
            "Description": Made("varchar(200)", mixed((1, pick(PRODUCTS_EN)), (1, one_of("Ships in two days",
                    "Colour may vary"))), NOT),
            "Manufacturer": Made("varchar(60)", pick(COMPANIES), NOT),
            "CountryOfOrigin": Made("varchar(30)", one_of("China", "Germany", "Vietnam"), NOT),
            "UnitPrice": Made("money", money(400), NOT),
            "WeightKg": Made("decimal(6,2)", money(20), NOT),
            "GTIN": Made("varchar(14)", shaped("05999999999999"), NOT),
            "Language": Made("varchar(10)", one_of("English", "French"), NOT),
        }),
        made("cust_orders", 120, {
            "order_no": Made("varchar(16)", shaped("9999999999999999"), NOT, key=True),
            "cust_id": Made("bigint", whole(1, 10**9), NOT),
            "ship_to_name": Made("varchar(80)", full(FIRST_EN, LAST_EN), c.NAME),
            "ship_to_addr": Made("varchar(120)", street_en, c.STREET),
            "ship_to_city": Made("varchar(40)", pick(CITIES_EN), c.CITY),
            "ship_to_state": Made("varchar(20)", one_of("CA", "TX", "NY", "FL"), c.REGION),
            "ship_to_zip": Made("varchar(10)", shaped("99999"), c.POSTCODE),
            "state": Made("varchar(12)", one_of("paid", "shipped", "cancelled"), NOT),
            "card_pan": Made("varchar(19)", card, c.CARD),
            "card_brand": Made("varchar(10)", one_of("visa", "mastercard"), NOT),
            "total_amt": Made("numeric(10,2)", money(900), NOT),
            "coupon": Made("varchar(12)", shaped("SAVE99"), NOT, sparse=0.7),
            "gift_message": Made("text", remark(REMARKS_EN, FIRST_EN, LAST_EN, 0.5), c.TEXT, sparse=0.7),
            "ordered_at": Made("timestamp", day(2020, 2024), NOT),
        }),
        made("vendors", 40, {
            "vendor_id": Made("int", whole(1, 9999), NOT, key=True),
            "vendor_name": Made("varchar(80)", pick(COMPANIES), NOT),
            "vat_no": Made("varchar(14)", shaped("GB999999999"), NOT),
            "street": Made("varchar(80)", street_en, NOT),
            "city": Made("varchar(40)", pick(CITIES_EN), NOT),
            "account_manager": Made("varchar(80)", full(FIRST_EN, LAST_EN), c.NAME),
            "payment_terms": Made("varchar(12)", one_of("NET30", "NET60"), NOT),
            "website": Made("varchar(90)", shaped("https://www.aaaaaa.example"), NOT),
        }),
        made("hr_emp", 80, {
            "EMPNO": Made("NUMBER(6)", whole(1000, 9999), NOT, key=True),
            "ENAME": Made("VARCHAR2(30)", pick(LAST_EN), c.NAME),
            "JOB": Made("VARCHAR2(30)", pick(JOBS_EN), c.JOB),
            "MGR": Made("NUMBER(6)", whole(1000, 9999), NOT, reference="hr_emp"),
            "HIREDATE": Made("DATE", day(1995, 2024), NOT),
            "SAL": Made("NUMBER(8,2)", money(6000), c.SALARY),
            "DEPTNO": Made("NUMBER(3)", one_of(10, 20, 30), NOT),
            "MARITAL_STAT": Made("VARCHAR2(12)", one_of("Single", "Married", "Divorced"), c.MARITAL),
            "NATIONALITY": Made("VARCHAR2(20)", one_of("British", "Irish", "Polish"), c.DEMOGRAPHIC),
            "BANK_ACCT": Made("VARCHAR2(20)", shaped("99999999"), c.BANK),
            "PASSPORT_NO": Made("VARCHAR2(12)", shaped("999999999"), c.PASSPORT, sparse=0.6),
            "GRADE_CD": Made("VARCHAR2(4)", one_of("G1", "G2", "G3"), NOT),
        }),
        made("survey_resp", 90, {
            "resp_id": Made("int", whole(1, 9999), NOT, key=True),
            "q1": Made("smallint", whole(1, 6), NOT),
            "age_band": Made("varchar(8)", one_of("18-24", "25-34", "35-49", "50+"), c.AGE),
            "gender_identity": Made("varchar(20)", one_of("woman", "man", "non-binary"), c.GENDER),
            "postcode_area": Made("varchar(4)", shaped("AA9"), c.POSTCODE),
            "occupation": Made("varchar(40)", pick(JOBS_EN), c.JOB),
            "free_comments": Made("text", remark(REMARKS_EN, FIRST_EN, LAST_EN, 0.1), c.TEXT, sparse=0.5),
            "channel": Made("varchar(10)", one_of("web", "post"), NOT),
        }),
        made("etl_stage_07", 80, {
            "f1": Made("varchar(80)", shaped("AAA-99999"), NOT, key=True),
            "f2": Made("varchar(80)", full(FIRST_EN, LAST_EN), c.NAME),
            "f3": Made("varchar(80)", PHONE_EN, c.PHONE),
            "f4": Made("varchar(80)", POSTCODE_EN, c.POSTCODE),
            "name": Made("varchar(80)", pick(PRODUCTS_EN), NOT),
            "code": Made("varchar(80)", EMAIL_EN, c.EMAIL, sparse=0.6),
            "phone": Made("varchar(80)", one_of("Y", "N"), NOT),
            "payload": Made("text", _profile, c.CONTACT),
            "amount": Made("varchar(20)", money(1000), NOT),
            "batch": Made("varchar(20)", shaped("20249999"), NOT),
        }),
    ]  # fmt: skip
