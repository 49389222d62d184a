"""Numbers in valid form that belong to nobody: what can be drawn in the place of somebody's.

Each is outside what its registrar can ever assign, so that none is a stranger's by chance:

- telephone numbers: the ranges that Arcep and Ofcom keep for fiction; where no two may agree, +999, a country code that
  the ITU keeps unassigned;
- IBANs: of the country ZZ, which ISO 3166 leaves to users and no IBAN registry holds; their check digits are right;
- card numbers: beginning with 9999, since 9 stands for national numbering and no country has the number 999 (ISO/IEC
  7812); their check digit is right;
- SIREN and SIRET: the check digit of the SIREN is wrong, as no assigned one's is;
- NIR and French VAT numbers: with check digits that the computation cannot give (00, and 99).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

from pipelines.anonymise.replacement import Digits

FRENCH_NUMBERS = ("019900", "026191", "035301", "046571", "053649", "063998")
"""Ranges that Arcep assigns to nobody, for works of fiction: each with four digits more."""

BRITISH_NUMBERS = ("01632960", "07700900")
"""Ranges that Ofcom assigns to nobody, for drama use: each with three digits more."""

PATTERNS = {
    "phone": r"(01 99 00|02 61 91|03 53 01|04 65 71|05 36 49|06 39 98)( \d\d){2}|01632 960\d{3}|07700 900\d{3}",
    "card": r"9999\d{12}",
    "siren": r"\d{9}",
    "siret": r"\d{14}",
    "nir": r"[12]\d{12}00",
    "vat": r"FR99\d{9}",
}
"""What a number of each kind looks like, in full."""

LENGTHS = {"phone": 14, "card": 16, "siren": 9, "siret": 14, "nir": 15, "vat": 13}
"""Characters of the longest number of each kind."""

_WEIGHT, _ACCOUNT = 97, 20
_CHECK = 98 - int("3535" + "00") % _WEIGHT  # of ZZ, whatever the account is, so long as 97 divides it

IBAN = Digits(f"ZZ{_CHECK:02}", below=10**16, factor=_WEIGHT, width=_ACCOUNT)
"""Random IBANs: an account number that 97 divides adds nothing to what the check digits depend on."""

IBAN_LENGTH = 4 + _ACCOUNT
"""Characters of one."""

UNIQUE_PHONE = Digits("+999", below=10**12, factor=1, width=12)
"""Random telephone numbers that meet only by chance, one in a million millions."""

UNIQUE_PHONE_LENGTH = 16
"""Characters of one."""


def luhn(digits: str) -> int:
    """The check digit that makes a number valid after Luhn."""
    doubled = (int(each) * (2 - at % 2) for at, each in enumerate(reversed(digits)))
    return -sum(each // 10 + each % 10 for each in doubled) % 10


def phone(language: str) -> str:
    """A telephone number of France or the United Kingdom, written as there."""
    if language == "fr":
        number = f"{secrets.choice(FRENCH_NUMBERS)}{secrets.randbelow(10_000):04}"
        return " ".join(number[index : index + 2] for index in range(0, 10, 2))
    number = f"{secrets.choice(BRITISH_NUMBERS)}{secrets.randbelow(1_000):03}"
    return f"{number[:5]} {number[5:]}"


def card(_language: str = "") -> str:
    """A card number of 16 digits."""
    digits = f"9999{secrets.randbelow(10**11):011}"
    return f"{digits}{luhn(digits)}"


def siren(_language: str = "") -> str:
    """A SIREN, its check digit wrong."""
    digits = f"{1 + secrets.randbelow(9)}{secrets.randbelow(10**7):07}"
    return f"{digits}{(luhn(digits) + 1 + secrets.randbelow(9)) % 10}"


def siret(_language: str = "") -> str:
    """A SIRET of such a SIREN."""
    digits = f"{siren()}{secrets.randbelow(10_000):04}"
    return f"{digits}{luhn(digits)}"


def nir(_language: str = "") -> str:
    """A social security number whose check digits are 00."""
    year, month, place = secrets.randbelow(100), 1 + secrets.randbelow(12), 1 + secrets.randbelow(95)
    return f"{1 + secrets.randbelow(2)}{year:02}{month:02}{place:02}{secrets.randbelow(10**6):06}00"


def vat(_language: str = "") -> str:
    """A French VAT number whose check digits are 99."""
    return f"FR99{siren()}"


NUMBERS: dict[str, Callable[[str], str]] = {
    "phone": phone, "card": card, "siren": siren, "siret": siret, "nir": nir, "vat": vat,
}  # fmt: skip
"""What can be drawn: one number for a language."""
