"""The categories that classification proposes: keys of the IAB Tech Lab privacy taxonomy (`fideslang`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

NAME: Final = "user.name"
FIRST_NAME: Final = "user.name.first"
LAST_NAME: Final = "user.name.last"
EMAIL: Final = "user.contact.email"
PHONE: Final = "user.contact.phone_number"
FAX: Final = "user.contact.fax_number"
STREET: Final = "user.contact.address.street"
POSTCODE: Final = "user.contact.address.postal_code"
CITY: Final = "user.contact.address.city"
REGION: Final = "user.contact.address.state"
COUNTRY: Final = "user.contact.address.country"
ADDRESS: Final = "user.contact.address"
CONTACT: Final = "user.contact"
DEMOGRAPHIC: Final = "user.demographic"
WEB_PAGE: Final = "user.contact.url"
WORKPLACE: Final = "user.workplace"
JOB: Final = "user.job_title"
BIRTH: Final = "user.demographic.date_of_birth"
AGE: Final = "user.demographic.age_range"
GENDER: Final = "user.demographic.gender"
LANGUAGE: Final = "user.demographic.language"
MARITAL: Final = "user.demographic.marital_status"
ETHNICITY: Final = "user.demographic.race_ethnicity"
RELIGION: Final = "user.demographic.religious_belief"
POLITICS: Final = "user.demographic.political_opinion"
ORIENTATION: Final = "user.demographic.sexual_orientation"
HEALTH: Final = "user.health_and_medical"
NATIONAL_ID: Final = "user.government_id.national_identification_number"
PASSPORT: Final = "user.government_id.passport_number"
LICENCE: Final = "user.government_id.drivers_license_number"
PLATE: Final = "user.government_id.vehicle_registration"
TAX_ID: Final = "user.government_id"
BANK: Final = "user.financial.bank_account"
CARD: Final = "user.financial.credit_card"
SALARY: Final = "user.financial"
IP: Final = "user.device.ip_address"
DEVICE: Final = "user.device"
DEVICE_ID: Final = "user.device.device_id"
COOKIE: Final = "user.device.cookie_id"
BROWSING: Final = "user.behavior.browsing_history"
SEARCH: Final = "user.behavior.search_history"
LOCATION: Final = "user.location.precise"
USERNAME: Final = "user.account.username"
PASSWORD: Final = "user.authorization.password"  # noqa: S105 - a key of the taxonomy
CREDENTIALS: Final = "user.authorization.credentials"
SOCIAL: Final = "user.social"
PREFERENCES: Final = "user.privacy_preferences"
IMAGE: Final = "user.content.self_image"
BIOMETRIC: Final = "user.authorization.biometric"
CRIMINAL: Final = "user.criminal_history"
TEXT: Final = "user.content.private"

OF_ENTITY: Final[dict[str, str]] = {
    "EMAIL_ADDRESS": EMAIL,
    "PHONE_NUMBER": PHONE,
    "IBAN_CODE": BANK,
    "CREDIT_CARD": CARD,
    "IP_ADDRESS": IP,
    "MAC_ADDRESS": DEVICE_ID,
    "FR_NIR": NATIONAL_ID,
    "FR_SPI": TAX_ID,
    "FR_PLATE": PLATE,
    "FR_ID_CARD": NATIONAL_ID,
    "FR_PASSPORT": PASSPORT,
    "FR_LICENCE": LICENCE,
    "PERSON": NAME,
    "STREET_ADDRESS": STREET,
    "POSTCODE_CITY": ADDRESS,
    "LOCATION": CITY,
    "POSTCODE": POSTCODE,
    "USER_AGENT": DEVICE,
    "SOCIAL_PAGE": SOCIAL,
}
"""The category that a column of such values has. Company numbers (SIREN, SIRET, VAT) are nobody's data."""

SPECIAL: Final = frozenset({HEALTH, BIOMETRIC, RELIGION, POLITICS, ORIENTATION, ETHNICITY})
"""Special categories (GDPR Art. 9)."""

PERSONAL_SIGNS: Final = frozenset({NAME, FIRST_NAME, LAST_NAME, EMAIL, PHONE, BIRTH, NATIONAL_ID, USERNAME, GENDER})
"""A table with one of these describes persons."""

PLACES: Final = frozenset({POSTCODE, CITY, REGION, COUNTRY})
"""Personal beside a person or a street; alone, or of an organisation, they are not."""


def shared(categories: Iterable[str]) -> str:
    """The key that several categories have in common: `user.contact` for an e-mail address and a phone number."""
    parts = [category.split(".") for category in categories]
    common = [level[0] for level in zip(*parts, strict=False) if len(set(level)) == 1]
    return ".".join(common) or "user"
