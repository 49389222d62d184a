"""Labelled texts for the benchmark of spans: templates in French and English, filled by Faker; identifiers as in mails.

Every template has a number; whoever tunes looks at those that are not held out.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from faker import Faker

NAME, PHONE, PLACE = "PERSON", "PHONE", "PLACE"
EMAIL, IBAN, CARD = "EMAIL", "IBAN", "CARD"


@dataclass(frozen=True, slots=True)
class Text:
    """A text, the spans in it that are personal (start, end, type), and the template that it is made from."""

    text: str
    spans: tuple[tuple[int, int, str], ...]
    template: str
    language: str


def held_out(template: str) -> bool:
    """Whether a template is among the half that is not looked at: by a digest, so that it stays there."""
    return hashlib.sha256(template.encode()).digest()[0] % 2 == 1


FRENCH = r"""
Bonjour, je suis {person} et je souhaite modifier mon rendez-vous du {date}.
Madame {last} a rappelé ce matin, merci de la joindre au {phone}.
Le client {person} habite {address} depuis trois ans.
Suite à notre échange, {first} vous enverra le devis n° {order} avant vendredi.
Merci d'adresser le courrier à {address}.
Notre collaborateur {person} est basé à {city} et couvre toute la région.
{first} et {first} ont confirmé leur présence à la réunion de {city}.
Le dossier de M. {last} a été transmis au service juridique le {date}.
Vous pouvez me joindre au {phone} ou au {phone} en cas d'urgence.
{person}, responsable des achats chez {org}, demande un délai de paiement.
Appel de {person} ({phone}) : elle veut annuler sa commande {order}.
Nous avons livré la commande {order} chez {person}, {address}.
Bonjour {first},\n\nPeux-tu m'envoyer le compte rendu avant ce soir ?\n\nMerci,\n{person}
Cordialement,\n{person}\n{org}\nTél. : {phone}
Mme {person} est née à {city} ; elle vit maintenant en {country}.
La société {org} a déménagé de {city} à {city} l'an dernier.
D'après {last}, le problème vient de la facture {order}.
J'ai croisé {first} hier au marché, il m'a parlé de son voyage en {country}.
Veuillez noter ma nouvelle adresse : {address}
Le plombier, {person}, passera lundi entre 8h et 10h, son portable est le {phone}.
L'attestation au nom de {person} doit être envoyée à {city}.
Le docteur {last} reçoit sur rendez-vous, secrétariat : {phone}.
Il faut relancer {person} pour le règlement de {amount}.
La réunion aura lieu {address}, en présence de {person} et de {person}.
Ma fille {first} a oublié son sac dans le bus de {city}.
Contactez notre agence de {city} au {phone} pour toute question.
Nom : {person}\nAdresse : {address}\nTéléphone : {phone}
{person} a signé le contrat le {date} pour un montant de {amount}.
Peut-on décaler la visite ? {first} est malade et {last} est en congés.
Je vous mets en copie de ma réponse à {person}, qui suit ce dossier depuis {city}.
Le colis est parti de {city} mardi ; le livreur {first} a laissé un avis de passage.
Pouvez-vous rappeler {first} {last} demain au {phone} svp ?
vu avec {person} hier, elle rappelle demain
Le gérant de {org}, M. {person}, conteste la facture {order} de {amount}.
Mon conseiller s'appelait {person}, je ne retrouve plus son numéro.
Merci {first} pour ton aide, à bientôt !
Objet : réclamation de {person} du {date}
Client injoignable au {phone}, message laissé à {person}.
Départ de {city} à 9h, arrivée à {city} vers midi, {country}.
Facture à établir au nom de {person}, {address}, référence {order}.
Est-ce que {first} vient aussi ? Sinon je demande à {person}.
Selon le rapport de {person}, la machine {order} est hors service depuis le {date}.
Nous attendons l'accord de {org} avant de livrer à {city}.
L'appartement de {last} se trouve {address}.
Voici les participants : {person}, {person}, {person} et {person}.
La commande est bloquée, merci de vérifier le stock et de revenir vers nous.
Le montant total s'élève à {amount} pour la commande {order}.
Bonjour, où en est ma commande ? Je n'ai reçu aucune nouvelle depuis le {date}.
"""

ENGLISH = r"""
Hi, this is {person}, I am calling about my order {order}.
Please ask Mrs {last} to call me back on {phone}.
Our technician {person} will be at {address} on {date}.
{first} told me that {first} had already left for {city}.
The parcel was sent to {address} by mistake.
I have been living in {city} since I left {country}.
Kind regards,\n{person}\n{org}\nPhone: {phone}
Could you forward this to {person} at {org}?
{person} signed the lease on {date} for {amount} a month.
According to {last}, invoice {order} was never paid.
Name: {person}\nAddress: {address}\nTel: {phone}
We met Dr. {last} at a conference in {city}.
If there is no answer on {phone}, try {phone}.
Dear {first},\n\nThank you for your letter of {date}.\n\nYours,\n{person}
The office of {org} in {city} will close next month.
My neighbour {person} can let you in, her number is {phone}.
Deliver to {person}, {address}, before noon.
I spoke to {first} about the refund of {amount}.
The witness, {person}, lives at {address}.
Is {first} still on holiday? {last} needs the figures.
Bill to {person} and ship to {city}, {country}.
Attendees were {person}, {person} and {person}.
Mr {last} grew up in {city} and moved to {country} in 1998.
The driver ({person}) lost the keys near {city}.
Ring me on {phone} after six.
{person}'s application was rejected on {date}.
Please update the account of {person}: the new address is {address}
Ticket {order} was closed by {person} yesterday.
She said that {first}'s car was parked at {address}.
No one from {org} has replied to {person} yet.
The meeting in {city} was moved to {date}.
Your balance is {amount}, please pay before {date}.
How can I reset my password? The link does not work.
Our headquarters are at {address} and the warehouse is in {city}.
Reminder from {first}: the rent of {amount} is due.
Text {person} on {phone} when the {city} train arrives.
Who is {person}? She is not on the list for {order}.
I left the documents with {first} {last} at reception.
"""

MAILS_FRENCH = r"""
Bonjour,\n\nmon adresse est {email}, merci de confirmer.\n\nBonne journée
Vous pouvez écrire à {email} ou appeler le {phone}.
Merci de faire le virement sur le compte {iban} avant vendredi.
Ma carte {card} a été débitée deux fois de {amount}.
-- \nService comptable\nTél. {phone}\n{email}
Le RIB : {iban} (commande {order})
Merci de répondre à {email} et non à cette adresse.
Mon nouveau numéro : {phone}, l'ancien ne marche plus.
J'ai payé avec la carte n° {card} le {date}.
IBAN {iban}\nTéléphone {phone}\nMail {email}
écris-moi sur {email} stp, facture {order}
Contact : {email} / {phone}
La commande {order} du {date} pour {amount} n'est jamais arrivée.
Le prélèvement sur {iban} a été rejeté, rappelez-moi au {phone}.
Numéro de carte : {card}, expiration 09/27.
"""

MAILS_ENGLISH = r"""
Hello,\n\nplease write to {email} from now on.\n\nThanks
You can reach me at {email} or on {phone}.
Please transfer the money to {iban} by Friday.
My card {card} was charged twice on {date}.
-- \nCustomer care\nPhone {phone}\n{email}
The account is {iban}, reference {order}.
Call {phone} and ask for invoice {order}.
I paid {amount} with card number {card}.
Do not answer here, use {email} instead.
IBAN: {iban}\nPhone: {phone}\nE-mail: {email}
Order {order} of {date} never arrived.
cc {email} please, and ring {phone}
The refund should go to {iban}, not to my card {card}.
"""


def texts(language: str, number: int, seed: int = 0) -> Iterator[Text]:
    """Texts of one language with names, places, phones; ``number`` of each template."""
    templates = (FRENCH if language == "fr" else ENGLISH).strip().splitlines()
    yield from _made(templates, language, number, _fillers(language, seed))


def mails(language: str, number: int, seed: int = 0) -> Iterator[Text]:
    """Mails with addresses, accounts, cards and phones: disguised, broken, quoted."""
    chance = random.Random(f"{language} {seed}")  # noqa: S311 - texts, not secrets
    fillers = _fillers(language, seed, chance)
    templates = (MAILS_FRENCH if language == "fr" else MAILS_ENGLISH).strip().splitlines()
    for each in _made(templates, language, number, fillers):
        yield _quoted(each) if chance.random() < 0.4 else each


def _made(
    templates: list[str], language: str, number: int, fillers: dict[str, tuple[str, Callable[[], str]]]
) -> Iterator[Text]:
    for template in templates:
        for _ in range(number):
            parts: list[str] = []
            spans: list[tuple[int, int, str]] = []
            length = 0
            for piece in re.split(r"(\{\w+\})", template.replace("\\n", "\n")):
                kind, fill = fillers.get(piece.strip("{}"), ("", str)) if piece.startswith("{") else ("", str)
                said = fill() if piece.startswith("{") else piece
                if kind:
                    spans.append((length, length + len(said), kind))
                parts.append(said)
                length += len(said)
            yield Text("".join(parts), _together(template, spans), template, language)


def _together(template: str, spans: list[tuple[int, int, str]]) -> tuple[tuple[int, int, str], ...]:
    """`{first} {last}` is one name."""
    if "{first} {last}" not in template:
        return tuple(spans)
    found: list[tuple[int, int, str]] = []
    for span in spans:
        if found and found[-1][2] == span[2] == NAME and span[0] - found[-1][1] == 1:
            found[-1] = (found[-1][0], span[1], NAME)
        else:
            found.append(span)
    return tuple(found)


def _fillers(language: str, seed: int, noise: random.Random | None = None) -> dict[str, tuple[str, Callable[[], str]]]:
    fake = Faker("fr_FR" if language == "fr" else ["en_GB", "en_US"])
    fake.seed_instance(seed)
    chance = noise or random.Random(seed)  # noqa: S311

    def plain(make: Callable[[], str]) -> Callable[[], str]:
        return make

    def noisy(make: Callable[[], str], spoil: Callable[[str, random.Random], str]) -> Callable[[], str]:
        return (lambda: spoil(make(), chance)) if noise else make

    def address() -> str:
        said = str(fake.address())
        return said if chance.random() < 0.3 else said.replace("\n", ", ")

    def order() -> str:
        return chance.choice(
            [str(chance.randrange(10**6, 10**10)), f"CMD-{chance.randrange(10**5)}", fake.bothify("??####").upper()]
        )

    def amount() -> str:
        value = chance.randrange(5, 5000)
        return f"{value},{chance.randrange(100):02} €" if language == "fr" else f"£{value}.{chance.randrange(100):02}"

    def date() -> str:
        day = fake.date_object()
        return day.strftime(chance.choice(["%d/%m/%Y", "%Y-%m-%d", "%d.%m.%Y"]))

    return {
        "person": (NAME, lambda: _bare(str(fake.name()))),
        "first": (NAME, lambda: str(fake.first_name())),
        "last": (NAME, lambda: str(fake.last_name())),
        "phone": (PHONE, noisy(lambda: _phone(fake, language), _spoil_phone)),
        "address": (PLACE, address),
        "city": (PLACE, lambda: str(fake.city())),
        "country": (PLACE, lambda: str(fake.country())),
        "email": (EMAIL, noisy(lambda: str(fake.ascii_safe_email()), _spoil_email)),
        "iban": (IBAN, noisy(lambda: str(fake.iban()), _spoil_iban)),
        "card": (CARD, noisy(lambda: str(fake.credit_card_number()), _spoil_card)),
        "org": ("", lambda: str(fake.company())),
        "order": ("", order),
        "amount": ("", amount),
        "date": ("", date),
    }


def _bare(name: str) -> str:
    """A name without the title that Faker sometimes puts before it."""
    return re.sub(r"^(?:Mr|Mrs|Ms|Miss|Mx|Dr)\.? ", "", name)


def _phone(fake: Faker, language: str) -> str:
    if language == "fr":
        digits = "0" + "".join(str(fake.random_digit()) for _ in range(9))
        digits = digits[0] + str(fake.random_element((1, 2, 3, 4, 5, 6, 7, 9))) + digits[2:]
        return " ".join(digits[at : at + 2] for at in range(0, 10, 2))
    return str(fake.phone_number())


def _spoil_phone(phone: str, chance: random.Random) -> str:
    bare = re.sub(r"\D", "", phone)
    if not re.fullmatch(r"0[1-79]\d{8}", bare):
        return phone
    pairs = [bare[at : at + 2] for at in range(0, 10, 2)]
    return chance.choice(
        [
            bare,
            ".".join(pairs),
            "-".join(pairs),
            " ".join(pairs),
            "+33 " + " ".join([pairs[0][1], *pairs[1:]]),
            "+33 (0)" + " ".join([pairs[0][1], *pairs[1:]]),
            "0033" + bare[1:],
            " ".join(bare),
            " ".join(pairs[:3]) + "\n" + " ".join(pairs[3:]),
            "/".join(pairs),
        ]
    )


def _spoil_email(email: str, chance: random.Random) -> str:
    local, _, domain = email.partition("@")
    return chance.choice(
        [
            email,
            email,
            email.upper(),
            f"{local} @ {domain}",
            f"{local}@\n{domain}",
            f"{local} (at) {domain}",
            f"{local}[at]{domain.replace('.', '[dot]')}",
            f"{local} (at) {domain.replace('.', ' (dot) ')}",
            f"{local} (arobase) {domain.replace('.', ' (point) ')}",
            f"{local} (at) {domain.replace('.', ' point ')}",
            f"{local} at {domain.replace('.', ' dot ')}",
            f"{local}@{domain.replace('.', ' . ')}",
        ]
    )


def _spoil_iban(number: str, chance: random.Random) -> str:
    fours = [number[at : at + 4] for at in range(0, len(number), 4)]
    half = len(fours) // 2
    return chance.choice(
        [
            number,
            " ".join(fours),
            "-".join(fours),
            number.lower(),
            " ".join(fours[:half]) + "\n" + " ".join(fours[half:]),
            "\u00a0".join(fours),
            ".".join(fours),
        ]
    )


def _spoil_card(number: str, chance: random.Random) -> str:
    fours = [number[at : at + 4] for at in range(0, len(number), 4)]
    return chance.choice([number, " ".join(fours), "-".join(fours), " ".join(fours[:2]) + "\n" + " ".join(fours[2:])])


def _quoted(said: Text) -> Text:
    """The text as an answer quotes it: `> ` before each line."""
    parts = said.text.split("\n")
    shifts: list[int] = []
    for number, line in enumerate(parts):
        shifts += [2 * (number + 1)] * (len(line) + 1)
    spans = tuple((start + shifts[start], end - 1 + shifts[end - 1] + 1, kind) for start, end, kind in said.spans)
    return Text("\n".join(f"> {line}" for line in parts), spans, said.template, said.language)
