"""Tables that Faker fills, French and English, with the plain names that textbooks use."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import faker

from benchmarks.schemas.labelled import NOT, Labelled, Made, Maker, day, made, money, one_of, shaped, whole
from pipelines.classify import categories as c

ROWS = 200


def tables() -> list[Labelled]:
    """A French, a British and an American shop."""
    return [*_french(), *_english("en_GB", "uk"), *_english("en_US", "us")]


def _drawn(locale: str) -> Callable[[str], Maker]:
    fake = faker.Faker(locale)

    def provider(name: str) -> Maker:
        def make(chance: random.Random) -> Any:
            fake.seed_instance(chance.random())
            return getattr(fake, name)()

        return make

    return provider


def _french() -> list[Labelled]:
    of = _drawn("fr_FR")
    return [
        made("clients", ROWS, {
            "id": Made("integer", whole(1, 10**6), NOT, key=True),
            "civilite": Made("varchar(10)", one_of("M.", "Mme"), c.GENDER),
            "nom": Made("varchar(80)", of("last_name"), c.LAST_NAME),
            "prenom": Made("varchar(80)", of("first_name"), c.FIRST_NAME),
            "date_naissance": Made("date", day(1940, 2005), c.BIRTH),
            "email": Made("varchar(120)", of("email"), c.EMAIL),
            "telephone": Made("varchar(20)", of("phone_number"), c.PHONE),
            "adresse": Made("varchar(120)", of("street_address"), c.STREET),
            "code_postal": Made("varchar(5)", of("postcode"), c.POSTCODE),
            "ville": Made("varchar(80)", of("city"), c.CITY),
            "numero_securite_sociale": Made("varchar(21)", of("ssn"), c.NATIONAL_ID),
            "iban": Made("varchar(34)", of("iban"), c.BANK),
            "profession": Made("varchar(80)", of("job"), c.JOB),
            "date_inscription": Made("timestamp", day(2015, 2024), NOT),
            "points_fidelite": Made("integer", whole(0, 5000), NOT),
            "actif": Made("boolean", one_of("true", "false"), NOT),
        }),
        made("commandes", ROWS, {
            "id": Made("integer", whole(1, 10**6), NOT, key=True),
            "client_id": Made("integer", whole(1, 10**6), NOT, reference="clients"),
            "numero_commande": Made("varchar(16)", shaped("CMD9999999999"), NOT),
            "montant_ttc": Made("numeric(10,2)", money(2000), NOT),
            "statut": Made("varchar(20)", one_of("en cours", "livrée", "annulée"), NOT),
            "adresse_livraison": Made("varchar(120)", of("street_address"), c.STREET),
            "code_suivi": Made("varchar(20)", shaped("9A99999999999"), NOT),
            "date_commande": Made("date", day(2018, 2024), NOT),
        }),
        made("fournisseurs", 80, {
            "id": Made("integer", whole(1, 10**6), NOT, key=True),
            "raison_sociale": Made("varchar(80)", of("company"), NOT),
            "siret": Made("varchar(17)", of("siret"), NOT),
            "ville": Made("varchar(80)", of("city"), NOT),
            "delai_jours": Made("integer", whole(1, 60), NOT),
        }),
        made("produits", 100, {
            "reference": Made("varchar(20)", shaped("AAA-9999"), NOT, key=True),
            "nom": Made("varchar(80)", of("catch_phrase"), NOT),
            "code_ean": Made("varchar(13)", of("ean13"), NOT),
            "prix_unitaire": Made("numeric(8,2)", money(300), NOT),
            "couleur": Made("varchar(20)", of("color_name"), NOT),
        }),
    ]  # fmt: skip


def _english(locale: str, prefix: str) -> list[Labelled]:
    of = _drawn(locale)
    return [
        made(f"{prefix}_customers", ROWS, {
            "id": Made("uuid", of("uuid4"), NOT, key=True),
            "first_name": Made("varchar(80)", of("first_name"), c.FIRST_NAME),
            "last_name": Made("varchar(80)", of("last_name"), c.LAST_NAME),
            "email": Made("varchar(120)", of("email"), c.EMAIL),
            "phone": Made("varchar(30)", of("phone_number"), c.PHONE),
            "street_address": Made("varchar(120)", of("street_address"), c.STREET),
            "city": Made("varchar(80)", of("city"), c.CITY),
            "zip_code": Made("varchar(12)", of("postcode"), c.POSTCODE),
            "birth_date": Made("date", day(1940, 2005), c.BIRTH),
            "ssn": Made("varchar(14)", of("ssn"), c.NATIONAL_ID),
            "job_title": Made("varchar(80)", of("job"), c.JOB),
            "employer": Made("varchar(80)", of("company"), c.WORKPLACE),
            "username": Made("varchar(40)", of("user_name"), c.USERNAME),
            "ip_address": Made("varchar(45)", of("ipv4"), c.IP),
            "credit_card_number": Made("varchar(19)", of("credit_card_number"), c.CARD),
            "created_at": Made("timestamp", day(2015, 2024), NOT),
            "loyalty_points": Made("integer", whole(0, 5000), NOT),
            "email_verified": Made("varchar(5)", one_of("yes", "no"), NOT),
        }),
        made(f"{prefix}_products", 100, {
            "sku": Made("varchar(20)", shaped("AAA-9999"), NOT, key=True),
            "name": Made("varchar(80)", of("catch_phrase"), NOT),
            "barcode": Made("varchar(13)", of("ean13"), NOT),
            "price": Made("numeric(8,2)", money(300), NOT),
            "color": Made("varchar(20)", of("color_name"), NOT),
            "released": Made("varchar(10)", day(2000, 2024), NOT),
        }),
    ]  # fmt: skip
