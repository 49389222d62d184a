"""Made-up persons, streets, products and remarks, French and English: written down here, none of them from Faker."""

from __future__ import annotations

import random

from stdnum import luhn

from benchmarks.schemas.labelled import Maker, mixed, one_of, shaped

FIRST_FR = ["Aurélien", "Bérengère", "Cédric", "Delphine", "Élodie", "Fabrice", "Ghislaine", "Hervé", "Ingrid", "Jean-Baptiste", "Killian", "Ludivine", "Maëlys", "Nolwenn", "Océane", "Perrine", "Quentin", "Romane", "Solène", "Thibault", "Ulysse", "Violaine", "Wassim", "Xavier", "Yasmina", "Zoé", "Amandine", "Bastien", "Capucine", "Dimitri", "Fatou", "Mamadou", "Ibrahim", "Anaïs", "Loïc", "Gaëlle", "Corentin", "Maud", "Sylvain", "Edwige"]
LAST_FR = ["Abgrall", "Bonnafoux", "Castaing", "Delahaye", "Etchegaray", "Fontanel", "Guillemot", "Haddad", "Ivanovic", "Jacquemin", "Kervella", "Lecointre", "Mazurier", "Nguyen", "Ouedraogo", "Poitevin", "Quéré", "Rambaud", "Sarrazin", "Traoré", "Urvoy", "Vasseur", "Weber", "Zerrouki", "Benali", "Cheikh", "Lemoine", "Pruvost", "Roussillon", "Thévenot", "Bourgeade", "Chastagner", "Duquesnoy", "Gimenez", "Le", "Goff", "Maillard", "Peltier", "Salomon", "Verdier", "Blanchet"]
FIRST_EN = ["Alasdair", "Bethany", "Callum", "Deirdre", "Eilidh", "Finlay", "Gwendolyn", "Hamish", "Imogen", "Jarvis", "Keira", "Lachlan", "Morag", "Niamh", "Oscar", "Poppy", "Rhys", "Saoirse", "Tabitha", "Uzoma", "Verity", "Winston", "Yvette", "Zachary", "Aaliyah", "Brandon", "Chantelle", "Darnell", "Esmeralda", "Femi", "Gareth", "Harriet", "Ishaan", "Jolene", "Kwame", "Lakshmi"]
LAST_EN = ["Abernathy", "Blackwood", "Carmichael", "Dunleavy", "Eccleston", "Fairbairn", "Grimshaw", "Hathaway", "Illingworth", "Jardine", "Kavanagh", "Lockhart", "Macpherson", "Nwosu", "Ogilvie", "Pemberton", "Quigley", "Ravenscroft", "Sutherland", "Thackeray", "Underhill", "Venkatesan", "Winterbourne", "Yardley", "Zielinski", "Adeyemi", "Bhatt", "Chowdhury", "Delacroix", "Esposito", "Featherstone", "Gallagher", "Hollingsworth", "Iqbal"]
STREETS_FR = ["rue des Tanneurs", "avenue du Général Leclerc", "chemin de la Croix Blanche", "impasse des Lilas", "boulevard Gambetta", "place du Marché", "allée des Érables", "route de Bordeaux", "quai Saint-Michel", "rue Jules Ferry", "square Voltaire", "rue du 8 Mai 1945", "résidence Les Pins", "lotissement du Moulin"]
CITIES_FR = ["Quimper", "Vierzon", "Montluçon", "Saint-Brieuc", "Carpentras", "Bergerac", "Libourne", "Thionville", "Sète", "Cholet", "Le Creusot", "Aurillac", "Saumur", "Dole", "Gap", "Mende", "Villeneuve-sur-Lot", "Bar-le-Duc", "Rodez", "Autun"]
STREETS_EN = ["Mill Lane", "Victoria Road", "Station Approach", "Church Street", "Orchard Close", "Elm Avenue", "Castle Terrace", "Kings Drive", "Harbour Way", "Park Crescent"]
CITIES_EN = ["Kettering", "Stockport", "Dundee", "Swansea", "Truro", "Ipswich", "Paisley", "Wrexham", "Lisburn", "Chester", "Bangor", "Hereford", "Boise", "Tulsa", "Fresno", "Duluth"]
DOMAINS = ["orange.fr", "wanadoo.fr", "free.fr", "laposte.net", "gmail.com", "outlook.com", "exemple.org", "hotmail.co.uk", "btinternet.com", "yahoo.com"]
PRODUCTS_FR = ["Perceuse à percussion 750 W", "Vis inox tête fraisée 4x40", "Chaise pliante hêtre", "Lampe torche LED", "Cafetière filtre 12 tasses", "Gants nitrile taille L", "Ramette A4 80 g", "Câble HDMI 2 m", "Peinture acrylique blanc mat", "Tournevis cruciforme PH2", "Bâche de protection 4x5", "Joint silicone translucide", "Étagère murale chêne", "Robinet mitigeur chromé", "Disque à tronçonner 125", "Colle néoprène 250 ml", "Escabeau 3 marches", "Multiprise 5 prises"]
PRODUCTS_EN = ["Wireless Mouse", "Standing Desk 140cm", "USB-C Hub", "Noise Cancelling Headphones", "Mechanical Keyboard", "Webcam 1080p", "Laptop Sleeve 14in", "Desk Lamp", "Ergonomic Chair", "Monitor Arm", "Cable Tray", "Whiteboard Markers", "Paper Shredder", "Label Printer", "Docking Station", "Foot Rest"]
COMPANIES = ["Transports Kerjean SARL", "Menuiserie Aubrac", "Cabinet Lorient Conseil", "SAS Boulonnerie du Nord", "Garage des Alpes", "Imprimerie Vauban SA", "Ets Pruvost et Fils", "Northwind Logistics Ltd", "Blue Heron Consulting", "Acme Fasteners Inc", "Redwood Partners LLP", "Harbour Foods plc", "Société Générale de Bois", "Pharmacie du Pont"]
JOBS_FR = ["Comptable", "Chargée de mission", "Aide-soignante", "Plombier chauffagiste", "Responsable paie", "Retraité", "Étudiante", "Ingénieur méthodes", "Cadre", "Ouvrier qualifié", "Sans emploi"]
JOBS_EN = ["Staff Nurse", "Site Manager", "Data Analyst", "Care Assistant", "Head of Operations", "Electrician", "Payroll Officer", "Software Engineer", "Teacher"]

REMARKS_FR = (
    "Le client souhaite être livré avant midi, prévoir un second passage si le portail est fermé.",
    "Colis endommagé à la réception, un avoir a été demandé au transporteur, en attente de réponse.",
    "Relance effectuée le mois dernier, aucune nouvelle depuis, dossier à clôturer si pas de retour.",
    "Paiement en trois fois accepté, premier prélèvement prévu à la fin du mois, voir avec la comptabilité.",
    "Accès par la cour arrière, sonner deux fois, attention au chien, laisser le colis au gardien en cas d'absence.",
)
REMARKS_EN = (
    "Asked for a quieter room near the lift, no allergies mentioned, late arrival expected around ten.",
    "Replacement part ordered from the supplier, two weeks of delay announced, will follow up next month.",
    "Payment plan agreed over three months, first instalment received, reminder scheduled for the next one.",
    "The boiler was serviced and the pressure valve replaced, no further visit needed before next winter.",
)


def pick(words: list[str] | tuple[str, ...]) -> Maker:
    """One of a list's words."""
    return one_of(*words)


def email(first: list[str], last: list[str]) -> Maker:
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


def full(first: list[str], last: list[str], form: str = "{first} {last}") -> Maker:
    """First name and surname."""
    return lambda chance: form.format(first=chance.choice(first), last=chance.choice(last))


def login(chance: random.Random) -> str:
    """An account: the first letter and the surname."""
    plain = chance.choice(LAST_EN).lower()
    return f"{chance.choice('abcdefgjklmnprst')}{plain}"


def nir(chance: random.Random) -> str:
    """A French social security number with its key."""
    body = f"{chance.choice('12')}{chance.randrange(40, 99)}{chance.randrange(1, 13):02}{chance.randrange(1, 96):02}{chance.randrange(1, 990):03}{chance.randrange(1, 990):03}"
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


def remark(plain: tuple[str, ...], first: list[str], last: list[str], share: float) -> Maker:
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
