"""A foreign schema: an association's shop as somebody else designed it, in French, unlike the demonstration."""

from __future__ import annotations

import datetime as dt

import by_hand

MEMBERS = 24
SCHEMA = """
CREATE TABLE adherents (no_adherent INTEGER PRIMARY KEY, civilite VARCHAR(10), prenom VARCHAR(40), nom VARCHAR(40),
  courriel VARCHAR(80) UNIQUE, telephone VARCHAR(20), date_naissance DATE, adresse VARCHAR(80),
  code_postal VARCHAR(5), ville VARCHAR(40), actif SMALLINT NOT NULL);
CREATE TABLE commandes (no_commande INTEGER PRIMARY KEY, no_adherent INTEGER NOT NULL REFERENCES adherents
  (no_adherent), date_commande DATE NOT NULL, montant NUMERIC(8, 2), commentaire TEXT);
CREATE INDEX commandes_adherent ON commandes (no_adherent);
CREATE TABLE factures (no_facture INTEGER PRIMARY KEY, no_commande INTEGER NOT NULL REFERENCES commandes
  (no_commande), date_facture DATE NOT NULL, nom_facturation VARCHAR(80), adresse_facturation VARCHAR(80),
  total NUMERIC(8, 2));
CREATE INDEX factures_commande ON factures (no_commande);
CREATE TABLE produits (no_produit INTEGER PRIMARY KEY, libelle VARCHAR(60), prix NUMERIC(8, 2))
"""

_FIRST = ("Éloïse", "Mathieu", "Solène", "Gaël", "Inès", "Thibault", "Camille", "Rémi")
_LAST = ("Garnier", "Lefèvre", "Morvan", "Chevalier", "Benoît", "Prigent")
_CITIES = (("29200", "Brest"), ("35000", "Rennes"), ("44000", "Nantes"))


def fill(url: str) -> None:
    """Make the tables and their rows. The first half last ordered in 2019, the others in the last hundred days."""
    by_hand.fill(url, SCHEMA, _rows())


def _rows() -> dict[str, list[dict[str, object]]]:
    today = dt.datetime.now(dt.UTC).date()
    members: list[dict[str, object]] = []
    orders: list[dict[str, object]] = []
    invoices: list[dict[str, object]] = []
    for n in range(1, MEMBERS + 1):
        first, last = _FIRST[n % len(_FIRST)], _LAST[n % len(_LAST)]
        postcode, city = _CITIES[n % len(_CITIES)]
        day = dt.date(2019, 1 + n % 6, 1 + n) if n <= MEMBERS // 2 else today - dt.timedelta(days=4 * n)
        members.append({
            "no_adherent": n, "civilite": "Mme" if n % 2 else "M.", "prenom": first, "nom": last,
            "courriel": f"{n}.adherent@exemple.fr", "telephone": f"06 12 34 56 {n:02}",
            "date_naissance": dt.date(1960 + n, 3, 9).isoformat(), "adresse": f"{n} rue des Lilas",
            "code_postal": postcode, "ville": city, "actif": 1,
        })  # fmt: skip
        orders.append({
            "no_commande": n, "no_adherent": n, "date_commande": day.isoformat(), "montant": 10 + n,
            "commentaire": f"{first} {last} a demandé une livraison le matin, au {n} rue des Lilas.",
        })  # fmt: skip
        invoices.append({
            "no_facture": n, "no_commande": n, "date_facture": day.isoformat(), "nom_facturation": f"{first} {last}",
            "adresse_facturation": f"{n} rue des Lilas", "total": 10 + n,
        })  # fmt: skip
    products: list[dict[str, object]] = [
        {"no_produit": n, "libelle": f"Ardoise {n} cm", "prix": n} for n in range(1, 6)
    ]
    return {"adherents": members, "commandes": orders, "factures": invoices, "produits": products}
