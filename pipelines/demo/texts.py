"""Free text in French and English, with names, telephone numbers and addresses in it, as people write it."""

from __future__ import annotations

import random

from pipelines.demo.people import Person

_NOTES = {
    "fr": (
        "Rappeler {name} au {phone} après 18 h, de préférence le mardi.",
        "{name} souhaite un devis pour la cuisine ; écrire à {email}.",
        "Le client habite {street}, {city}. Livraison par la cour, demander {first}.",
        "Mme ou M. {last} se plaint du délai ; geste commercial promis par téléphone ({phone}).",
        "{first} préfère être joint par courriel : {email}. Ne pas appeler le matin.",
        "Rencontré {name} au salon de Lyon, intéressé par les ardoises murales.",
        "Échange avec {name} : facture réglée en deux fois, tout est en ordre.",
    ),
    "en": (
        "Call {name} back on {phone} after six, Tuesdays preferred.",
        "{name} wants a quote for the kitchen; write to {email}.",
        "Customer lives at {street}, {city}. Deliver at the back door, ask for {first}.",
        "Mr or Mrs {last} complained about the delay; goodwill gesture agreed on the phone ({phone}).",
        "{first} would rather be reached by e-mail: {email}. No calls in the morning.",
        "Met {name} at the Leeds fair, interested in the wall slates.",
        "Spoke with {name}: invoice paid in two parts, all settled.",
    ),
}
_SUMMARIES = {
    "fr": ("Appel de {name}", "Demande de {first} {last}", "Visite de {name} au magasin", "Formulaire : {email}"),
    "en": ("Call from {name}", "Request by {first} {last}", "{name} came to the shop", "Form: {email}"),
}
_SUBJECTS = {
    "fr": ("Devis pour {n} ardoises", "Votre commande {n}", "Question sur la livraison {n}", "Rendez-vous du {n}"),
    "en": ("Quote for {n} slates", "Your order {n}", "Question about delivery {n}", "Appointment on {n}"),
}
_FROM_THEM = {
    "fr": (
        (
            "Bonjour,\n\nje souhaite savoir où en est ma commande. Vous pouvez me joindre au {phone}.\n\n"
            "Bien cordialement,\n{name}\n{street}, {city}\n"
        ),
        "Bonjour {staff},\n\nmerci pour votre réponse. Mon adresse a changé : {street}, {city}.\n\n{first}\n",
        "Madame, Monsieur,\n\nveuillez trouver ci-joint le document demandé.\n\n{name}\n{email} · {phone}\n",
    ),
    "en": (
        (
            "Hello,\n\nI would like to know where my order stands. You can reach me on {phone}.\n\n"
            "Kind regards,\n{name}\n{street}, {city}\n"
        ),
        "Dear {staff},\n\nthank you for your answer. My address has changed: {street}, {city}.\n\n{first}\n",
        "To whom it may concern,\n\nplease find the document attached.\n\n{name}\n{email} · {phone}\n",
    ),
}
_FROM_US = {
    "fr": (
        "Bonjour {first},\n\nvotre dossier avance ; nous vous rappelons au {phone}.\n\n{staff}\nLumière & Fils\n",
        "Bonjour {name},\n\nnous n'avons plus de nouvelles de vous. Une offre vous attend.\n\n{staff}\n",
    ),
    "en": (
        "Dear {first},\n\nyour file is moving on; we will call you on {phone}.\n\n{staff}\nSlate & Sons\n",
        "Dear {name},\n\nwe have not heard from you for a while. An offer awaits you.\n\n{staff}\n",
    ),
}
_MEETINGS = {
    "fr": (("Point avec {name}", "Préparer le devis ; {first} vient avec les plans. Tél. {phone}."),),
    "en": (("Meeting with {name}", "Prepare the quote; {first} brings the plans. Phone {phone}."),),
}
REASONS = {
    "fr": ("Débit contesté par le porteur.", "Montant non reconnu.", "Marchandise jamais reçue."),
    "en": ("Debit disputed by the holder.", "Amount not recognised.", "Goods never received."),
}


def fill(template: str, person: Person, **more: str | int) -> str:
    """The template with what it asks of a person."""
    return template.format(
        name=person.name,
        first=person.first_name,
        last=person.last_name,
        phone=person.phone,
        email=person.email,
        street=person.street,
        city=person.city,
        **more,
    )


def note(rng: random.Random, person: Person) -> str:
    """A note that a seller took."""
    return fill(rng.choice(_NOTES[person.language]), person)


def summary(rng: random.Random, person: Person) -> str:
    """What an interaction was about, in a line."""
    return fill(rng.choice(_SUMMARIES[person.language]), person)


def subject(rng: random.Random, language: str) -> str:
    """The subject of a thread."""
    return rng.choice(_SUBJECTS[language]).format(n=rng.randrange(100, 10_000))


def letter(rng: random.Random, person: Person, staff: str, *, theirs: bool) -> str:
    """The body of a message from a person to a colleague, or back."""
    return fill(rng.choice((_FROM_THEM if theirs else _FROM_US)[person.language]), person, staff=staff)


def meeting(rng: random.Random, person: Person) -> tuple[str, str]:
    """Summary and description of a meeting with a person."""
    head, text = rng.choice(_MEETINGS[person.language])
    return fill(head, person), fill(text, person)
