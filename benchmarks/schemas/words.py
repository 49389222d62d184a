"""Made-up persons, streets, products and remarks, French and English: written down here, none of them from Faker."""

from __future__ import annotations

import random
import tomllib
from pathlib import Path

from stdnum import luhn

from benchmarks.schemas.labelled import Maker, mixed, one_of, shaped

_TEXT = (Path(__file__).parent / "words.toml").read_text(encoding="utf-8")
_WORDS = {
    name: tuple(" ".join(word.split()) for word in listed.split("|")) for name, listed in tomllib.loads(_TEXT).items()
}
FIRST_FR = _WORDS["first_fr"]
LAST_FR = _WORDS["last_fr"]
FIRST_EN = _WORDS["first_en"]
LAST_EN = _WORDS["last_en"]
STREETS_FR = _WORDS["streets_fr"]
CITIES_FR = _WORDS["cities_fr"]
STREETS_EN = _WORDS["streets_en"]
CITIES_EN = _WORDS["cities_en"]
DOMAINS = _WORDS["domains"]
PRODUCTS_FR = _WORDS["products_fr"]
PRODUCTS_EN = _WORDS["products_en"]
COMPANIES = _WORDS["companies"]
JOBS_FR = _WORDS["jobs_fr"]
JOBS_EN = _WORDS["jobs_en"]
REMARKS_FR = _WORDS["remarks_fr"]
REMARKS_EN = _WORDS["remarks_en"]


def pick(words: tuple[str, ...]) -> Maker:
    """One of a list's words."""
    return one_of(*words)


def email(first: tuple[str, ...], last: tuple[str, ...]) -> Maker:
    """An address made of a person's names."""

    def make(chance: random.Random) -> str:
        local = f"{chance.choice(first)}.{chance.choice(last)}".lower()
        plain = local.translate(str.maketrans("éèëïàôç ", "eeeiaoc-"))
        return f"{plain}{chance.choice(['', '', str(chance.randrange(99))])}@{chance.choice(DOMAINS)}"

    return make


EMAIL_FR, EMAIL_EN = email(FIRST_FR, LAST_FR), email(FIRST_EN, LAST_EN)
PHONE_FR = mixed(
    (3, shaped("06 99 99 99 99")),
    (2, shaped("0299999999")),
    (1, shaped("+33 6 99 99 99 99")),
    (1, shaped("04.99.99.99.99")),
)
PHONE_EN = mixed(
    (3, shaped("07700 900999")),
    (2, shaped("020 7946 0999")),
    (1, shaped("+44 7700 900999")),
    (1, shaped("(212) 555-0199")),
)
POSTCODE_FR = one_of(
    "29000",
    "18100",
    "03100",
    "22000",
    "84200",
    "24100",
    "33500",
    "57100",
    "34200",
    "49300",
    "71200",
    "15000",
    "05000",
    "48000",
)
POSTCODE_EN = one_of(
    "NN16 8AB", "SK1 3XE", "DD1 4HN", "SA1 1DP", "TR1 2HE", "IP1 3BX", "PA3 4DS", "CH1 2HU", "BT28 1AA", "HR4 9AR"
)


def street_fr(chance: random.Random) -> str:
    """A street with its number."""
    return f"{chance.randrange(1, 180)} {chance.choice(['', '', 'bis '])}{chance.choice(STREETS_FR)}"


def street_en(chance: random.Random) -> str:
    """A street with its number."""
    return f"{chance.randrange(1, 180)} {chance.choice(STREETS_EN)}"


def upper(make: Maker) -> Maker:
    """In capitals, as old systems have it."""
    return lambda chance: str(make(chance)).upper()


def full(first: tuple[str, ...], last: tuple[str, ...], form: str = "{first} {last}") -> Maker:
    """First name and surname."""
    return lambda chance: form.format(first=chance.choice(first), last=chance.choice(last))


def login(chance: random.Random) -> str:
    """An account: the first letter and the surname."""
    plain = chance.choice(LAST_EN).lower()
    return f"{chance.choice('abcdefgjklmnprst')}{plain}"


def nir(chance: random.Random) -> str:
    """A French social security number with its key."""
    born = f"{chance.randrange(40, 99)}{chance.randrange(1, 13):02}{chance.randrange(1, 96):02}"
    body = f"{chance.choice('12')}{born}{chance.randrange(1, 990):03}{chance.randrange(1, 990):03}"
    return f"{body}{97 - int(body) % 97:02}"


def siret(chance: random.Random) -> str:
    """A French establishment's number."""
    siren = f"{chance.randrange(10**7, 10**8)}"
    siren += luhn.calc_check_digit(siren)
    nic = f"{siren}{chance.randrange(1, 999):04}"
    return nic + luhn.calc_check_digit(nic)


def iban_fr(chance: random.Random) -> str:
    """A French account number, valid as a whole and nobody's."""
    body = "".join(str(chance.randrange(10)) for _ in range(23))
    check = 98 - int(f"{body}152700") % 97
    return f"FR{check:02}{body}"


def card(chance: random.Random) -> str:
    """A card number that Luhn's formula accepts."""
    body = f"4{chance.randrange(10**14):014}"
    return body + luhn.calc_check_digit(body)


def remark(plain: tuple[str, ...], first: tuple[str, ...], last: tuple[str, ...], share: float) -> Maker:
    """A remark, in which a share names somebody."""

    def make(chance: random.Random) -> str:
        text = chance.choice(plain)
        if chance.random() >= share:
            return f"{text} ({chance.randrange(1000)})"
        person = f"{chance.choice(first)} {chance.choice(last)}"
        return (
            f"{person} ({EMAIL_FR(chance)}) : {text}"
            if chance.random() < 0.4
            else f"{text} {person}, {chance.randrange(100)}."
        )

    return make
