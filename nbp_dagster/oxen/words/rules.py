"""Tells rules about content, which a picture breaks, from the policies of everything else.

Must not know: what follows from a broken rule, and the other words of a refusal.
"""

import re

# Gateways, buckets, networks and organisations have policies too. A list of theirs is never
# complete, so what counts is a word of content, or whose rules they are.

_TECHNICAL = (
    r"(?:access|account|admission|allow-?list|bandwidth|billing|breaker|bucket|budget|cache|casb"
    r"|circuit|company|corporate|cors|data|delivery|dlp|encryption|fair|firewall|gateway|iam|length"
    r"|limit|network|organi[sz]ation|password|plan|project|quota|rate|residency|resource|retention"
    r"|retry|routing|schema|security|shedding|size|spend|storage|team|tenant|token|type|vpc|waf"
    r"|workspace)"
)
"""Beginnings of words for kinds of policies that judge no picture."""

_NOT_TECHNICAL = rf"(?!(?:\w+-)*{_TECHNICAL}\w*\b)"
_WORD = rf"{_NOT_TECHNICAL}\S+\s+"

_OF_CONTENT = (
    r"(?:content|usage|use|safety|community|prohibited|acceptable|responsible|ai|moderation"
    r"|guardrails?|harm\w*|nsfw|adult|sexual\w*|violen\w*|hate\w*|nudity|abuse|copyright\w*"
    r"|trademarks?|likeness|ethic\w*)(?:['’]s)?\s+"
)

_OWNER = (
    r"(?:our|google|vertex\s+ai|gemini|open\s?ai|microsoft|oxen|stability(?:\s+ai)?"
    r"|black\s+forest\s+labs|provider)(?:['’]s)?\s+"
)
"""Those who judge pictures: their rules without a kind are of content."""

_THE = r"(?:(?:the|its|their|these|any|one\s+(?:or\s+more\s+)?of)\s+){0,2}"
_NAME = r"(?:polic(?:y|ies)\b|guidelines?\b|practices\b|standards\b)"
_TERMS = r"(?:terms\s+of\s+(?:use|service)|guardrails?)\b"
_BARE = rf"(?:polic(?:y|ies)\b|guidelines?\b|practices\b)(?!\W+(?:\w+\W+){{0,3}}?{_TECHNICAL})"
"""Rules without a word that says of what, as long as none follows either."""

_RULES = (
    rf"(?:(?:{_WORD}){{0,4}}?{_OF_CONTENT}(?:{_WORD}){{0,3}}?(?:{_NAME}|{_TERMS})"
    rf"|(?:{_WORD}){{0,2}}?{_OWNER}{_NAME}|(?:{_WORD}){{0,3}}?{_TERMS})"
)

_PICTURE = r"(?:prompts?|images?|pictures?|photos?|content|outputs?|texts?|scenes?)"

_TURNED_AWAY = (
    r"(?:not\s+(?:allowed|permitted)|prohibited|disallowed|forbidden|blocked|refused|rejected)\s+"
    r"(?:by|under|due\s+to|because\s+of)\s+"
)

_BROKEN = re.compile(
    rf"""
      \bviolat(?:es?|ed|ing|ions?\s+of)\s+(?:{_RULES}|{_THE}{_BARE})
    | \bagainst\s+(?:{_RULES}|(?:the|its|their)\s+{_BARE})
    | \b{_TURNED_AWAY}{_RULES}
    | \b{_PICTURE}\s+(?:(?!ur[il]s?\b)\w+\s+){{0,3}}?{_TURNED_AWAY}{_THE}{_BARE}
    | (?<![\w-])policy_violations?\b
    | (?:^|[^\w\s-]\s*|\b(?:to|of|for|with|as|by|a|is|was|our|this|the|any|possible|potential
      |detected|error|prompt|image|ai|community)\s+)policy[\s-]violations?\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def breaks_rules(text: str) -> bool:
    """Return whether a text says that a picture or its prompt breaks rules about content."""
    return _BROKEN.search(text) is not None
