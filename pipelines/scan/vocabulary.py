"""From the taxonomy's categories to the words of a controller's policy, where it has its own."""

from __future__ import annotations

from pipelines.classify import categories as c
from pipelines.classify.names import tokens
from retention_rules.policy import Policy

CORRESPONDENCE = "correspondence"
INVOICE = "invoice"
CARD_PARTS: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"cvv", "cvc", "cryptogramme"}), "card.cvv"),
    (frozenset({"expiry", "expiration", "exp", "month", "year", "validite"}), "card.expiry"),
    (frozenset({"holder", "cardholder", "titulaire", "porteur"}), "card.holder"),
)
CARD_TOKENS = frozenset({"card", "carte", "cb", "cardholder"})
INVOICES = frozenset({"invoice", "invoices", "facture", "factures", "bill", "bills"})


def spoken(category: str, column: str, table: str, policy: Policy | None) -> str:
    """The category of a column in the words of the policy: `card.cvv`, `correspondence`, `invoice`.

    The taxonomy's key stays where the policy has no word of its own for it.
    """
    words = set(tokens(column))
    if category == c.CARD or (category in {c.NAME, c.LAST_NAME} and words & CARD_TOKENS):
        part = next((key for needed, key in CARD_PARTS if words & needed), "card.pan")
        if category == c.CARD or part == "card.holder":
            return part if _knows(policy, part) or (part == "card.cvv" and _knows(policy, "card.pan")) else category
    if category == c.TEXT and _knows(policy, CORRESPONDENCE):
        return CORRESPONDENCE
    if set(tokens(table.rpartition(".")[2])) & INVOICES and _knows(policy, INVOICE):
        return INVOICE
    return category


def kept(category: str, policy: Policy | None) -> bool:
    """Whether some purpose of the policy keeps the category; one that none keeps can only stay undetermined."""
    return policy is None or bool(policy.purposes_for(category))


def _knows(policy: Policy | None, category: str) -> bool:
    return policy is not None and bool(policy.purposes_for(category))
