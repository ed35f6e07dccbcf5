"""Locales and their languages: codes, English names, scripts; must not know briefs.

The codes are those of ISO 639-1 (the two-letter codes), and those of ISO 639-3 for some languages
that have none there. Scripts are those of ISO 15924, regions of ISO 3166-1 or UN M.49.
"""

import re
import unicodedata
from collections.abc import Container, Mapping
from itertools import accumulate
from types import MappingProxyType

from nbp_dagster.briefs.locales.regions import MEANT_REGIONS, REGIONS

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

# Languages of three letters that advertising or operating systems offer and ISO 639-1 lacks.
_LONG_TABLE = """
ast Asturian|bho Bhojpuri|brx Bodo|ceb Cebuano|chr Cherokee|ckb Central Kurdish|doi Dogri
dsb Lower Sorbian|fil Filipino|fur Friulian|gsw Swiss German|haw Hawaiian|hil Hiligaynon|hmn Hmong
hsb Upper Sorbian|ilo Ilocano|kab Kabyle|kok Konkani|lij Ligurian|mai Maithili|mni Manipuri
nan Min Nan Chinese|nds Low German|pap Papiamento|pcm Nigerian Pidgin|prs Dari|sah Yakut|sat Santali
scn Sicilian|tpi Tok Pisin|vec Venetian|war Waray|wuu Wu Chinese|yue Cantonese
"""

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        code: name
        for line in (_TABLE + _LONG_TABLE).split("\n")
        if line
        for code, _, name in (entry.partition(" ") for entry in line.split("|"))
    }
)

# What a language is written as elsewhere: codes of ISO 639-2 and 639-3, and withdrawn ones.
_MEANT = """
afr af|alb sq|sqi sq|amh am|ara ar|arb ar|arm hy|hye hy|aze az|baq eu|eus eu|bel be|ben bn|bos bs
bul bg|bur my|mya my|cat ca|chi zh|zho zh|cmn zh|cze cs|ces cs|dan da|deu de|ger de|dut nl|nld nl
ell el|gre el|eng en|est et|fas fa|per fa|fin fi|fra fr|fre fr|gle ga|glg gl|geo ka|kat ka|guj gu
heb he|iw he|hin hi|hrv hr|hun hu|ice is|isl is|ind id|in id|ita it|jpn ja|jw jv|kan kn|kaz kk
khm km|kor ko|lao lo|lav lv|lit lt|mac mk|mkd mk|mal ml|mar mr|may ms|msa ms|zsm ms|mlt mt|mon mn
nep ne|nob nb|nno nn|nor no|pan pa|pol pl|por pt|ron ro|rum ro|rus ru|sin si|slk sk|slo sk|slv sl
spa es|srp sr|swa sw|swe sv|tam ta|tel te|tgl tl|tha th|tur tr|ukr uk|urd ur|uzb uz|vie vi|cym cy
wel cy|ji yi|zul zu|asm as|azj az|bod bo|tib bo|ekk et|epo eo|pes fa|fao fo|hau ha|hat ht|ibo ig
jav jv|khk mn|kin rw|kir ky|kmr ku|kur ku|lat la|ltz lb|lvs lv|mao mi|mri mi|mlg mg|mo ro|npi ne
nya ny|ori or|ory or|orm om|pus ps|pbu ps|roh rm|smo sm|sna sn|snd sd|som so|sot st|sun su|swh sw
tat tt|tgk tg|tir ti|tsn tn|tuk tk|twi tw|uig ug|uzn uz|wol wo|xho xh|yid yi|yor yo
"""
_MEANT_LANGUAGES = dict(
    pair.split() for line in _MEANT.split("\n") if line for pair in line.split("|")
)
# What a script is written as behind the @ of POSIX and by Windows.
_MEANT_SCRIPTS = {
    "latin": "Latn",
    "cyrillic": "Cyrl",
    "arabic": "Arab",
    "devanagari": "Deva",
    "chs": "Hans",
    "cht": "Hant",
}
# By its words, so that Chinese (Traditional) is Traditional Chinese.
_NAMED = {frozenset(name.casefold().split()): code for code, name in LANGUAGES.items()} | {
    frozenset({"chinese", "simplified"}): "zh_Hans",
    frozenset({"chinese", "traditional"}): "zh_Hant",
    frozenset({"portuguese", "brazilian"}): "pt_BR",
}

_SHAPED_TABLE = (
    "Adlm Arab Beng Deva Ethi Gujr Guru Hebr Khmr Knda Laoo Mlym Mong Mtei Mymr Nkoo Orya"
)
_SHAPED_TABLE += " Sinh Syrc Taml Telu Thaa Thai Tibt"
_PLAIN_TABLE = "Armn Cans Cher Cyrl Geor Grek Hang Hani Hans Hant Jpan Kore Latn Olck Tfng"
_SHAPED_SCRIPTS = frozenset(_SHAPED_TABLE.split())
_SCRIPTS = _SHAPED_SCRIPTS | frozenset(_PLAIN_TABLE.split())
_RIGHT_TO_LEFT_SCRIPTS = frozenset({"Adlm", "Arab", "Hebr", "Nkoo", "Syrc", "Thaa"})

LOCALE_PATTERN = "[a-z]{2,3}([_-][A-Z][a-z]{3})?([_-]([A-Z]{2}|[0-9]{3}))?"
"""What a locale looks like in a brief; inside it has underscores alone."""

_ACCEPTED = "accepted: a locale such as en, de_AT, zh_Hant or es_419"

DEFAULT_LANGUAGE = "x-default"
"""What XMP calls the text of a reader whose own language is not there (ISO 16684-1, 8.2.2.4)."""

# Their scripts put no space between words: a term is searched for anywhere in the text.
UNSPACED_LANGUAGES = frozenset(
    {"bo", "dz", "ja", "km", "lo", "my", "nan", "th", "wuu", "yue", "zh"}
)

RIGHT_TO_LEFT_LANGUAGES = frozenset(
    {"ar", "ckb", "dv", "fa", "he", "ks", "prs", "ps", "sd", "ug", "ur", "yi"}
)

# Their letters join, stack or change places; drawn one by one they can't be read.
SHAPED_LANGUAGES = RIGHT_TO_LEFT_LANGUAGES | frozenset(
    {"as", "bn", "bo", "dz", "gu", "hi", "km", "kn", "lo", "ml", "mr", "my", "ne", "or", "pa"}
    | {"sa", "si", "ta", "te", "th", "bho", "brx", "doi", "kok", "mai", "mni"}
)


def find_locale_fault(locale: str) -> str | None:
    """Return why a text is not a locale a brief may use, or None."""
    if locale == "all":
        return f"reserved for shots without drawn text; {_ACCEPTED}"
    language, script, region = language_of(locale), script_of(locale), region_of(locale)
    is_spelt = re.fullmatch(LOCALE_PATTERN.replace("_-", "_"), locale)
    has_language = is_spelt and language in LANGUAGES
    if has_language and (script is None or script in _SCRIPTS) and _is_region(region):
        return None
    meant = find_meant_locale(locale)
    if meant is not None:
        return f"{_ACCEPTED}; did you mean {meant}?"
    if has_language and script is not None and script not in _SCRIPTS:
        return f"{script} is no script that is known here; {_ACCEPTED}"
    if has_language:
        table = "UN M.49 that locales name" if str(region).isdecimal() else "ISO 3166-1"
        return f"{region} is no region of {table}; {_ACCEPTED}"
    if is_spelt and len(language) == 2:
        return f"{language} is not an ISO 639-1 language; {_ACCEPTED}"
    return f"{language} is no language that is known here; {_ACCEPTED}" if is_spelt else _ACCEPTED


def find_meant_locale(written: str) -> str | None:
    """Return the locale that another spelling stands for, if there is one.

    Spellings are those of POSIX (`pt_BR.UTF-8`, `sr@latin`) and of Windows (`zh-CHT`), codes of
    three letters or withdrawn ones, other signs between the parts, and English names.
    """
    apart = r"[-_/\s\u2010-\u2015]+"
    found = re.fullmatch(
        rf"\s*([A-Za-z]{{2,3}})(?:{apart}([A-Za-z]{{4}}|[Cc][Hh][SsTt]))?"
        rf"(?:{apart}([A-Za-z]{{2}}|[0-9]{{3}}))?(?:\.[\w-]+)?(?:@(\w+))?\s*",
        written,
    )
    if found is not None:
        language = _MEANT_LANGUAGES.get(found[1].lower(), found[1].lower())
        named = found[2] or found[4] or ""  # @euro names no script
        script = _MEANT_SCRIPTS.get(named.lower()) or (found[2] and found[2].title())
        region = found[3] and MEANT_REGIONS.get(found[3].upper(), found[3].upper())
        is_known = language in LANGUAGES and _is_region(region)
        if is_known and (script is None or script in _SCRIPTS):
            return "_".join(filter(None, (language, script, region)))
    return _NAMED.get(frozenset(re.findall(r"[^\W_]+", written.casefold())))


def _is_region(region: str | None) -> bool:
    return region is None or region in REGIONS


def language_of(locale: str) -> str:
    """Return the language code that a locale such as `de_AT` begins with."""
    return re.split("[_-]", locale, maxsplit=1)[0]


def script_of(locale: str) -> str | None:
    """Return the script that a locale such as `zh_Hant_TW` names, or None."""
    return next((part for part in re.split("[_-]", locale)[1:] if len(part) == 4), None)


def region_of(locale: str) -> str | None:
    """Return the region that a locale such as `zh_Hant_TW` names, or None."""
    last = re.split("[_-]", locale)[1:][-1:]
    return last[0] if last and len(last[0]) != 4 else None


def lineage_of(locale: str) -> tuple[str, ...]:
    """Return a locale behind what it belongs to: `zh`, `zh_Hant`, `zh_Hant_TW`."""
    return tuple(accumulate(locale.split("_"), "{}_{}".format))


def find_nearest_key(locales: Container[str], locale: str) -> str | None:
    """Return the nearest of some locales that a locale is or belongs to, or None."""
    return next((key for key in reversed(lineage_of(locale)) if key in locales), None)


def find_nearest(texts: Mapping[str, str], locale: str) -> str | None:
    """Return the text of a locale or of the nearest that it belongs to, or None."""
    key = find_nearest_key(texts, locale)
    return None if key is None else texts[key]


def is_latin(text: str) -> bool:
    """Return whether all letters of a text are Latin ones."""
    return all(unicodedata.name(each, "").startswith("LATIN") for each in text if each.isalpha())


def is_right_to_left(locale: str) -> bool:
    """Return whether a locale's lines run from right to left."""
    script = script_of(locale)
    if script is not None:
        return script in _RIGHT_TO_LEFT_SCRIPTS
    return language_of(locale) in RIGHT_TO_LEFT_LANGUAGES


def is_shaped(locale: str) -> bool:
    """Return whether a locale's letters join, stack or change places."""
    script = script_of(locale)
    if script is not None:
        return script in _SHAPED_SCRIPTS
    return language_of(locale) in SHAPED_LANGUAGES


def name_language(locale: str) -> str:
    """Return `German` for `de`, `German (de_AT)` for `de_AT`."""
    language = language_of(locale)
    name = LANGUAGES[language]
    return name if locale == language else f"{name} ({locale})"
