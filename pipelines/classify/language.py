"""Which language a text is in, French or English: by its small words, for each text on its own."""

from __future__ import annotations

import re
from typing import Literal

from pipelines.classify.wording import words

Language = Literal["fr", "en"]

_FRENCH = words(
    "le la les un une des du de et est sont dans pour avec sur pas ne que qui nous vous je il elle ils au aux ce cette "
    "ces mon ma mes votre vos notre nos merci bonjour madame monsieur cordialement à été par plus mais ou où a ont "
    "suite chez se son sa ses leur bien être fait rendez appel client demande rappeler né née s d l c j n qu"
)
_ENGLISH = words(
    "the a an of and is are in for with on not that which we you i he she they at this these my your our thanks thank "
    "hello dear regards been by more but or to has have had was were will would from it its be do does please call "
    "customer request asked said her his their about as if so can could"
)
SMALL_WORDS = _FRENCH | _ENGLISH
"""The small words of both languages: as the first word of a sentence, none of them is a name."""

_WORDS = re.compile(r"[^\W\d_]+")
_ACCENTS = re.compile(r"[àâçéèêëîïôùûœ]", re.IGNORECASE)

ENOUGH = 4000
"""Characters that are read; more does not change the answer."""


def language_of(text: str, otherwise: Language = "fr") -> Language:
    """The language of a text; ``otherwise`` when nothing speaks for one."""
    words = [word.lower() for word in _WORDS.findall(text[:ENOUGH])]
    french = sum(word in _FRENCH for word in words) + min(len(_ACCENTS.findall(text[:ENOUGH])), 3) * 0.5
    english = sum(word in _ENGLISH for word in words)
    if french == english:
        return otherwise
    return "fr" if french > english else "en"
