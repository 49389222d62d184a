"""The words of column and table names, French and English. General vocabulary; no system's own."""

from __future__ import annotations

from pipelines.classify import categories as c
from pipelines.classify.wording import words

_STRONG: tuple[tuple[str, str], ...] = (
    (c.FIRST_NAME, "first name|given name|forename|prenom|middle name|fname|nom bapteme|firstname"),
    (c.LAST_NAME, "last name|family name|surname|nom famille|nom usage|nom naissance|maiden name|nom jeune fille"),
    (c.LAST_NAME, "lname|patronyme|nom marital|nom jf"),
    (c.NAME, "full name|contact name|customer name|client name|user name display|display name|nom complet|holder"),
    (c.NAME, "nom prenom|nom client|nom contact|recipient name|destinataire nom|cardholder|titulaire|employee name"),
    (c.NAME, "nickname|surnom|initials|initiales|attendee|participant|beneficiaire nom|signataire|interlocuteur"),
    (c.NAME, "passenger name|patient name|guest name|author name|nom patient|nom salarie|nom adherent|nom assure"),
    (c.NAME, "emergency contact|next kin|account holder|owner name|sender name|payer name|nom payeur|ship name"),
    (c.EMAIL, "email|mail|courriel|mel|emails|mails"),
    (c.PHONE, "phone|telephone|tel|mobile|cell|portable|phones|gsm|mob|cellphone|msisdn|whatsapp|landline"),
    (c.FAX, "fax|telecopie"),
    (c.STREET, "street|address|adresse|adr|addr|rue|voie|addresses|address line|domicile|address street"),
    (c.POSTCODE, "postcode|zip|cp|postal code|code postal|zipcode|zip code|post code"),
    (c.CITY, "city|ville|town|commune|localite"),
    (c.JOB, "job|job title|fonction|profession|metier|occupation|csp|job role|intitule poste|poste occupe"),
    (c.BIRTH, "birth|naissance|dob|birthday|birthdate|ddn|naiss|date naissance|born|anniversaire|birth year"),
    (c.GENDER, "gender|sexe|sex|civilite|salutation|civ"),
    (c.MARITAL, "marital|marital status|situation familiale|situation matrimoniale|etat civil"),
    (c.LANGUAGE, "locale|preferred language|user language|langue preferee|spoken language|native language"),
    (c.ETHNICITY, "ethnicity|race|ethnie|ethnic"),
    (c.RELIGION, "religion|religious|confession|culte"),
    (c.POLITICS, "political|politique|union membership|syndicat|opinion politique"),
    (c.ORIENTATION, "orientation sexuelle|sexual orientation"),
    (c.HEALTH, "blood type|groupe sanguin|diagnosis|diagnostic medical|allergies|allergie|handicap|disability|medical"),
    (c.HEALTH, "pathologie|traitement medical|maladie|illness|medication"),
    (c.NATIONAL_ID, "nir|ssn|social security|numero secu|securite sociale|national id|insee nir|num secu|nss|no secu"),
    (c.PASSPORT, "passport|passeport|passport number"),
    (c.LICENCE, "driving licence|driver license|drivers license|permis conduire|driving license"),
    (c.NATIONAL_ID, "identity card|carte identite|cni|id card number"),
    (c.PLATE, "immatriculation|license plate|licence plate|plate number|plaque"),
    (c.TAX_ID, "spi|numero fiscal|tax number|personal tax|num fiscal"),
    (c.BANK, "iban|bic|rib|bank account|account iban|compte bancaire|swift"),
    (
        c.CARD,
        "pan|card pan|card number|credit card|carte bancaire|numero carte|cb|cc number|card expiry|card expiration",
    ),
    (c.CARD, "cvv|cvc|card cvv|card cvc|cryptogramme|card last4|card month|card year"),
    (c.SALARY, "salary|salaire|wage|remuneration|income|revenu"),
    (c.IP, "ip|ip address|adresse ip|remote addr|ipv|client ip|ip addr"),
    (c.DEVICE, "user agent|useragent|browser|navigateur|device model"),
    (c.DEVICE_ID, "device id|imei|mac address|advertising id|idfa|serial device|adresse mac"),
    (c.COOKIE, "cookie|cookie id|visitor id|session id|tracking id"),
    (c.BROWSING, "referrer|referer|page url|landing page|clicked url|visited url"),
    (c.SEARCH, "search query|search term|recherche"),
    (c.LOCATION, "latitude|longitude|lat|lng|lon|gps|geolocation|geoloc|coordinates|coordonnees gps"),
    (c.USERNAME, "username|login|user login|identifiant connexion|pseudo|screen name|user name|userid login|handle"),
    (c.PASSWORD, "password|passwd|pwd|mot passe|password hash|mdp|passphrase"),
    (c.CREDENTIALS, "api key|secret|access token|refresh token|security answer|reponse secrete|security question"),
    (c.SOCIAL, "twitter|linkedin|facebook|instagram|skype|social profile|mastodon|tiktok"),
    (c.IMAGE, "photo|avatar|portrait|selfie|signature image|profile picture"),
    (c.AGE, "age|age range|tranche age"),
)

_WEAK: tuple[tuple[str, str], ...] = (
    (c.NAME, "name|nom|names|noms|author|auteur|redacteur|contact|owner|sender|recipient|destinataire|expediteur"),
    (c.NAME, "created by|updated by|modified by|assigned to|reviewer|approver|manager|responsable|commercial"),
    (c.NAME, "customer|client|user|employee|patient|member|adherent|guest|passenger|salarie|reporter|assignee"),
    (c.REGION, "state|region|province|departement|dept|county|canton"),
    (c.COUNTRY, "country|pays|nationality|nationalite"),
    (c.LANGUAGE, "language|langue|lang"),
    (c.WORKPLACE, "company|societe|employer|employeur|entreprise|organisation|organization|company name|workplace"),
    (c.WORKPLACE, "raison sociale|nom societe|nom entreprise|organisme"),
    (c.JOB, "title|titre|poste|role|position"),
    (c.GENDER, "genre|titre civilite"),
    (c.BROWSING, "url|uri|page|path"),
    (c.STREET, "lieu|location|place|complement"),
)

GLUED: dict[str, tuple[str, ...]] = {
    glued: tuple(parts.split())
    for glued, parts in {
        "firstname": "first name",
        "lastname": "last name",
        "fullname": "full name",
        "givenname": "given name",
        "familyname": "family name",
        "middlename": "middle name",
        "displayname": "display name",
        "contactname": "contact name",
        "customername": "customer name",
        "emailaddress": "email address",
        "mailaddress": "mail address",
        "phonenumber": "phone number",
        "phoneno": "phone number",
        "telno": "tel number",
        "mobilephone": "mobile phone",
        "homephone": "home phone",
        "workphone": "work phone",
        "faxnumber": "fax number",
        "streetaddress": "street address",
        "addressline": "address line",
        "postalcode": "postal code",
        "codepostal": "code postal",
        "codepost": "code postal",
        "codpost": "code postal",
        "codpos": "code postal",
        "datenaissance": "date naissance",
        "datenaiss": "date naissance",
        "dtnaiss": "date naissance",
        "dateofbirth": "date birth",
        "jobtitle": "job title",
        "nomfamille": "nom famille",
        "nomusage": "nom usage",
        "nomclient": "nom client",
        "nomprenom": "nom prenom",
        "numtel": "num tel",
        "notel": "num tel",
        "useragent": "user agent",
        "ipaddress": "ip address",
        "ipaddr": "ip addr",
        "cardnumber": "card number",
        "creditcard": "credit card",
        "companyname": "company name",
        "raisonsociale": "raison sociale",
        "usrname": "username",
        "ssnnumber": "ssn number",
        "bankaccount": "bank account",
    }.items()
}

VETOES = words(
    "id ids uuid guid verified valid validated confirmed bounced count counter nb number_of total flag is has status "
    "statut type kind format template length version enabled disabled optin optout subscribed sent opened hash index "
    "seq sequence level priority product produit article item sku category categorie tax rate taux price prix amount "
    "montant file fichier domain domaine provider fournisseur server host port color couleur unit unite currency "
    "devise expires verification notification notifications subject_line "
    "at on by_default"
)
"""Tokens that turn a name away from the person, unless the rule itself uses them."""

NOT_PERSONAL = words(
    "code ref reference libelle label slug sku amount montant prix price quantity quantite total currency devise "
    "status statut type kind category categorie tenant score rank rang order position segment channel canal source"
)

COMPANY_TOKENS = words(
    "company societe entreprise organisation organization employer employeur supplier fournisseur vendor brand marque "
    "siren siret vat tva store shop magasin site agence branch warehouse entrepot bank banque school ecole product "
    "produit event project projet"
)

ORGANISATIONS = words(
    "company societe entreprise organisation organization supplier fournisseur vendor brand marque store shop magasin "
    "site agence branch warehouse entrepot bank banque school ecole product produit article item catalog catalogue "
    "category categorie tag genre album track playlist artist media country pays region city ville currency devise "
    "language langue department departement service project projet event role permission setting parametre template "
    "plan tarif price rate tax taxe invoice_line line ligne stock inventory office establishment etablissement "
    "airport station movie film book game song title"
)
"""Tables of these are not about persons by their names alone."""

TEXTS = words(
    "note notes comment comments commentaire commentaires remark remarks remarque remarques body message messages text "
    "texte description summary resume observation observations content contenu feedback review avis transcript reason "
    "motif details detail bio biography biographie annotation memo subject sujet objet compte"
)


def _rules() -> tuple[tuple[frozenset[str], str, bool], ...]:
    found: list[tuple[frozenset[str], str, bool]] = []
    for rows, weak in ((_STRONG, False), (_WEAK, True)):
        for category, phrases in rows:
            found += [(frozenset(phrase.split()), category, weak) for phrase in phrases.split("|")]
    return tuple(found)


RULES = _rules()
"""Tokens that must all be there, the category that they speak for, and whether they need support."""
