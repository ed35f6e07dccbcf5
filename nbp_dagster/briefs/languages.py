"""Locales and their languages: codes, English names, scripts; must not know briefs.

The codes are those of ISO 639-1 (the two-letter codes), the only ones a locale may use.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

_TABLE = """
aa Afar|ab Abkhazian|ae Avestan|af Afrikaans|ak Akan|am Amharic|an Aragonese|ar Arabic|as Assamese
av Avaric|ay Aymara|az Azerbaijani|ba Bashkir|be Belarusian|bg Bulgarian|bi Bislama|bm Bambara
bn Bengali|bo Tibetan|br Breton|bs Bosnian|ca Catalan|ce Chechen|ch Chamorro|co Corsican|cr Cree
cs Czech|cu Church Slavonic|cv Chuvash|cy Welsh|da Danish|de German|dv Divehi|dz Dzongkha|ee Ewe
el Greek|en English|eo Esperanto|es Spanish|et Estonian|eu Basque|fa Persian|ff Fulah|fi Finnish
fj Fijian|fo Faroese|fr French|fy Western Frisian|ga Irish|gd Scottish Gaelic|gl Galician
gn Guarani|gu Gujarati|gv Manx|ha Hausa|he Hebrew|hi Hindi|ho Hiri Motu|hr Croatian|ht Haitian
hu Hungarian|hy Armenian|hz Herero|ia Interlingua|id Indonesian|ie Interlingue|ig Igbo
ii Sichuan Yi|ik Inupiaq|io Ido|is Icelandic|it Italian|iu Inuktitut|ja Japanese|jv Javanese
ka Georgian|kg Kongo|ki Kikuyu|kj Kuanyama|kk Kazakh|kl Kalaallisut|km Khmer|kn Kannada|ko Korean
kr Kanuri|ks Kashmiri|ku Kurdish|kv Komi|kw Cornish|ky Kyrgyz|la Latin|lb Luxembourgish|lg Ganda
li Limburgish|ln Lingala|lo Lao|lt Lithuanian|lu Luba-Katanga|lv Latvian|mg Malagasy
mh Marshallese|mi Maori|mk Macedonian|ml Malayalam|mn Mongolian|mr Marathi|ms Malay|mt Maltese
my Burmese|na Nauru|nb Norwegian Bokmål|nd North Ndebele|ne Nepali|ng Ndonga|nl Dutch
nn Norwegian Nynorsk|no Norwegian|nr South Ndebele|nv Navajo|ny Chichewa|oc Occitan|oj Ojibwa
om Oromo|or Odia|os Ossetian|pa Punjabi|pi Pali|pl Polish|ps Pashto|pt Portuguese|qu Quechua
rm Romansh|rn Rundi|ro Romanian|ru Russian|rw Kinyarwanda|sa Sanskrit|sc Sardinian|sd Sindhi
se Northern Sami|sg Sango|si Sinhala|sk Slovak|sl Slovenian|sm Samoan|sn Shona|so Somali
sq Albanian|sr Serbian|ss Swati|st Southern Sotho|su Sundanese|sv Swedish|sw Swahili|ta Tamil
te Telugu|tg Tajik|th Thai|ti Tigrinya|tk Turkmen|tl Tagalog|tn Tswana|to Tongan|tr Turkish
ts Tsonga|tt Tatar|tw Twi|ty Tahitian|ug Uyghur|uk Ukrainian|ur Urdu|uz Uzbek|ve Venda
vi Vietnamese|vo Volapük|wa Walloon|wo Wolof|xh Xhosa|yi Yiddish|yo Yoruba|za Zhuang|zh Chinese
zu Zulu
"""

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {entry[:2]: entry[3:] for line in _TABLE.split("\n") if line for entry in line.split("|")}
)

DEFAULT_LANGUAGE = "x-default"
"""What XMP calls the text of a reader whose own language is not there (ISO 16684-1, 8.2.2.4)."""

# Their scripts put no space between words: a term is searched for anywhere in the text.
UNSPACED_LANGUAGES = frozenset({"bo", "dz", "ja", "km", "lo", "my", "th", "zh"})

RIGHT_TO_LEFT_LANGUAGES = frozenset({"ar", "dv", "fa", "he", "ks", "ps", "sd", "ug", "ur", "yi"})

# Their letters join, stack or change places; drawn one by one they can't be read.
SHAPED_LANGUAGES = RIGHT_TO_LEFT_LANGUAGES | frozenset(
    {"as", "bn", "bo", "dz", "gu", "hi", "km", "kn", "lo", "ml", "mr", "my", "ne", "or", "pa"}
    | {"sa", "si", "ta", "te", "th"}
)


def find_locale_fault(locale: str) -> str | None:
    """Return why a text is not a locale a brief may use, or None."""
    if locale == "all":
        return "reserved for shots without drawn text; accepted: a locale such as en or de_AT"
    if not re.fullmatch(r"[a-z]{2}(_[A-Z]{2})?", locale):
        meant = re.fullmatch(r"\s*([A-Za-z]{2})(?:[-_\s]+([A-Za-z]{2}))?\s*", locale)
        if meant is None or meant[1].lower() not in LANGUAGES:
            return "accepted: a locale such as en or de_AT"
        spelt = meant[1].lower() + (f"_{meant[2].upper()}" if meant[2] else "")
        return f"accepted: a locale such as en or de_AT; did you mean {spelt}?"
    language = language_of(locale)
    if language not in LANGUAGES:
        return f"{language} is not an ISO 639-1 language; accepted: a locale such as en or de_AT"
    return None


def language_of(locale: str) -> str:
    """Return the two-letter language code a locale such as `de_AT` begins with."""
    return locale[:2]


def is_right_to_left(locale: str) -> bool:
    """Return whether a locale's lines run from right to left."""
    return language_of(locale) in RIGHT_TO_LEFT_LANGUAGES


def name_language(locale: str) -> str:
    """Return `German` for `de`, `German (de_AT)` for `de_AT`."""
    name = LANGUAGES[language_of(locale)]
    return name if len(locale) == 2 else f"{name} ({locale})"
