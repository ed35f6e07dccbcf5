"""Regions of locales and markets, by ISO 3166-1 and UN M.49; must not know briefs."""

from collections.abc import Mapping
from types import MappingProxyType

# ISO 3166-1 alpha-2.
_COUNTRIES = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""
# Codes that ISO 3166-1 reserves and locales have (CLDR): islands, the EU, Kosovo.
_RESERVED = "AC CP DG EA EU EZ IC TA UN XK"
# The areas of several countries, and the world, that locales name (CLDR).
_AREAS = """
001 002 003 005 009 011 013 014 015 017 018 019 021 029 030 034 035 039 053 054 057 061 142 143 145
150 151 154 155 202 419
"""
_LATIN_AMERICA = """
AG AI AR AW BB BL BO BQ BR BS BZ CL CO CR CU CW DM DO EC FK GD GF GP GT GY HN HT JM KN KY LC MF
MQ MS MX NI PA PE PR PY SR SV SX TC TT UY VC VE VG VI
"""
_EUROPE = """
AD AL AT AX BA BE BG BY CH CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV
MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK
"""

COUNTRIES = frozenset(_COUNTRIES.split())
"""The countries of ISO 3166-1."""

REGIONS = COUNTRIES | frozenset(_RESERVED.split()) | frozenset(_AREAS.split())
"""What a locale's region may be."""

MEANT_REGIONS: Mapping[str, str] = MappingProxyType(
    {"UK": "GB", "CS": "RS", "YU": "RS", "SU": "RU", "DD": "DE", "FX": "FR", "TP": "TL"}
    | {"BU": "MM", "ZR": "CD"}
)
"""What a region is written as elsewhere, or was before."""

WORLD = "001"
"""Every region (M.49)."""

PARTS: Mapping[str, frozenset[str]] = MappingProxyType(
    {"419": frozenset(_LATIN_AMERICA.split()), "150": frozenset(_EUROPE.split())}
)
"""The countries of the regions of several that locales name: Latin America, Europe."""
