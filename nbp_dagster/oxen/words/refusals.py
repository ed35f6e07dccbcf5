"""Tells refusals of a picture from faults whose words only resemble them.

Must not know: HTTP, retries, or which exception a meaning becomes.
"""

import re

from nbp_dagster.oxen.error_text import MAX_JUDGED_CHARS
from nbp_dagster.oxen.words.limits import is_at_capacity, is_used_up

# Which side errs. A false refusal costs a picture: its prompt is never asked again, until somebody
# reopens it. A false passing fault costs a bill in each run that asks, up to eight. What is neither
# is asked twice and then left alone: where words may mean either, they are made neither.

_TECHNICAL = (
    r"access|account|billing|cache|company|corporate|cors|fair|firewall|iam|limit|network"
    r"|organi[sz]ation|password|quota|rate|retention|retry|schema|security"
)
"""Kinds of policies that judge no picture."""

_RULES = (
    rf"(?:(?!(?:{_TECHNICAL})\w*\b)\S+\s+){{0,5}}?"
    r"(?:polic(?:y|ies)\b|terms\s+of\s+(?:use|service)|guidelines?\b|guardrails?\b|practices\b)"
)
"""The rules that a picture breaks, and up to five words before their name."""

_REFUSAL = re.compile(
    rf"""
      content[\s_-]*(policy|policies|filter|moderation|violation|restriction)
    | (usage|acceptable[\s_]use|safety)[\s_-]*(policy|policies)
    | moderat(ed|ion|or)
    | \bflagged\b
    | \bnsfw\b
    | (prohibited|disallowed|unsafe|sensitive|harmful)[\s_-]*(content|use|material|words?|terms)
    | responsible[\s_-]*ai\b
    | \brai[\s_-]?(media[\s_-]?)?filter
    | \bviolat(es?|ed|ing|ions?\s+of)\s+{_RULES}
    | \bagainst\s+(our|the|its|their|\w+['’]s)\s+{_RULES}
    | \b(not\s+(allowed|permitted)|prohibited|disallowed|forbidden|blocked|refused|rejected)
      \s+(by|under|due\s+to|because\s+of)\s+{_RULES}
    | (?<![\w-])policy(?<!access\spolicy)(?<!company\spolicy)(?<!cors\spolicy)(?<!use\spolicy)
      (?<!limit\spolicy)(?<!network\spolicy)(?<!organization\spolicy)(?<!quota\spolicy)
      (?<!retry\spolicy)(?<!security\spolicy)[\s_-]violations?\b
    | \b(images?|pictures?|results?|outputs?)\s+(\w+\s+)?filtered\s+out\b
    | \bfiltered\s+out\s+(images?|pictures?)\b
    | \b(person|people|face|child(ren)?|celebrity)\s+generation\s+(is\s+)?
      (not\s+(allowed|permitted)|prohibited|blocked)\b
    | \b(images?|pictures?|depictions?)\s+of\s+(?!types?\b|sizes?\b|format|more\b|less\b|over\b|\d)
      (\w+\s+){{1,5}}?(is|are)\s+(not\s+(allowed|permitted)|prohibited|forbidden)\b
    | \bprompt\s+(was|is|has\s+been)\s+blocked\b
    | image[\s_]safety
    | safety[\s_-]*(system|filters?|check(s|er)?|reasons?|violation|guidelines?|block|ratings?)\b
      (?!["']?\s*[:=])
    | (for|by|to|of|on)\s+safety\b(?![\s_-]*(tolerance|settings?|level|goggles|glasses|gear))
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A refusal has no documented status or type: these are the words upstream models and clients use.
The parameter `safety_tolerance` and props such as safety goggles are not among them."""

_FINISHED = re.compile(
    r"""
      \b(finish|block(ed)?)[\s_-]?reason(\W+((is|was)\W+)?|_)
      (image[\s_])?(safety|recitation|blocklist|spii|prohibited|jailbreak|model_armor)\b
    | \bimage[\s_](recitation|prohibited)
    | \b(blocked|stopped|filtered|rejected|refused|finished|ended)\W+(\w+\W+){0,4}?
      (due\s+to|because\s+of|by|for|with|reason)\W+(the\s+)?
      (recitation|blocklist|spii|jailbreak|model\s+armor)\b
    | ^\W*(safety|recitation|blocklist|spii)\W*$
    | (^|[\[(:=]\s?)(?-i:RECITATION|BLOCKLIST|SPII)($|[\]).:;,])
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""The reasons of Google's models that are of the content: SAFETY, PROHIBITED_CONTENT, BLOCKLIST,
SPII (personal data), RECITATION (somebody's work), each with IMAGE_ too, and JAILBREAK and
MODEL_ARMOR of a blocked prompt. OTHER, IMAGE_OTHER, NO_IMAGE, MAX_TOKENS, LANGUAGE and the
MALFORMED ones are documented as miscellaneous or as no picture: no refusals, and no promise that
they pass, so they are asked twice. `PROHIBITED_CONTENT` is told by `_REFUSAL`."""

_SAID_BY_MODEL = re.compile(
    r"""
      \bI\s?(can\s?not|can['’]?t|will\s+not|won['’]t
      |((\s?am|['’]m)\s+(unable|not\s+able|not\s+allowed|not\s+permitted)\s+to))\s+
      (?![^.!?]{0,120}\b(right\s+now|moment|at\s+this\s+time|today|yet|more|currently|later|technical
      |errors?|tools?|upload\w*|attach\w*|provided|missing|without|text[\s-]based|language\s+model
      |limits?|quota)\b)
      (
        (create|generate|produce|make|draw|depict|render|edit|modify)\s+
        ((\w+\s+){0,4}?(images?|pictures?|photos?|illustrations?|content|depictions?|scenes?)\s+
         (of|that|which|depict\w*|show\w*|contain\w*|involv\w*|featur\w*)
        |(that|this|such)\s+(\w+\s+){0,2}?(images?|pictures?|photos?|content|requests?))
      | (fulfil+|complete|process|comply\s+with|assist\s+(you\s+)?with|help\s+(you\s+)?with)\s+
        (that|this|your|such|(creating|generating|editing|requests?|images?|pictures?)\s+
         (\w+\s+){0,2}?(of|that|which|for|depict\w*|involv\w*))\b
      )
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A refusal in the model's own voice. One that speaks of now, of what it lacks or of what it is
may be another thing: it is none."""

_ACCOUNT = re.compile(
    r"\b(accounts?|api[\s_-]?key|organi[sz]ation|project|workspace)\s+(\S+\s+){0,4}?"
    r"(suspended|disabled|banned|deactivated|restricted|flagged|blocked|violat\w+)",
    re.IGNORECASE,
)
"""An account that broke the rules: no prompt did, and all would be refused for good."""

_VERDICT = re.compile(
    r"""
      \b(blocked|rejected|refused|declined|filtered|flagged|moderated|denied|prohibited|disallowed
      |forbidden|not\s+(allowed|permitted)|contain(s|ed|ing)?|against|nsfw)\b
    | violat(e|ing|ion)
    | (content|material|words?|terms|nudity)\s+(was\s+|were\s+)?detected\b
    | \bfinish[\s_-]?reason | \bblock(ed)?[\s_-]?reason
    | \bimage_safety\b | \bprohibited_content\b | \bdue\s+to\s+safety\b | \bfor\s+safety\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words that something was judged: advice to try again takes nothing of them back."""

_FAULT = re.compile(
    r"""
      \btime[sd]?[\s_-]?out\b | \bdeadline[\s_](was\s+)?exceeded\b
    | \bunavailable\b | \bunreachable\b | \bunhealthy\b | \boverloaded\b | \btemporar(y|ily)\b
    | \b(service|server|model|system|filter)\s+(is\s+)?(down|busy|offline)\b
    | (?<!\bi\s)(?<!\bi['’]m\s)(?<!\bi\sam\s)\b
      (failed|unable|could\s+not|couldn't|can't|cannot)\s+(to\s+)?
      (load|download|start|initiali[sz]e|connect|reach|contact|call|respond)\b
    | \bconnection\s+(was\s+|is\s+)?(refused|rejected|reset|closed|denied|lost)\b
    | \b(refused|rejected|reset|closed|denied)\s+(the\s+|our\s+)?connection\b
    | \brate[\s_-]?limit | \btoo\s+many\s+requests\b | \bthrottl
    | \bresource[\s_](has\s+been\s+)?exhausted\b
    | \b(returned|answered|status|code|error|http)\W{0,3}5\d\d\b | \b5\d\d\s+(error|status)\b
    | \binternal\s+(server\s+)?error\b | \bbad\s+gateway\b
    | \b(retry|try\s+(it\s+)?again)\s+(in|after)\s+(about\s+)?
      (\d|an?\s+(few\s+)?(moment|second|minute|hour|while|bit))
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words of a fault of the filter or its service, which judged no picture; so is a time to wait."""

_ADVICE = re.compile(
    r"""
      \bretry(ing)?\b | \btry\s+(it\s+)?again\s*([.!,;]|$|(later|shortly|soon|in)\b)
    | \b(filter|check(er)?|moderation|classifier)\s+(error|crash|exception|malfunction)
    | \berror\s+(\w+\s+)?(in|during|from|running|calling)\s+(the\s+)?(safety|moderat|filter)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words that go with a fault as with a refusal: a fault's where nothing says that it judged. A
plain "blocked by safety filters. Please try again." is a refusal."""

_OTHER_WORDS = re.compile(
    r"\b(rephras|reword|modify|revis|edit|chang|adjust|remov|different|another\s+prompt)",
    re.IGNORECASE,
)
"""Advice that follows a refusal alone: "please modify your prompt and try again"."""


def is_refusal(text: str | None) -> bool:
    """Return whether an error text is a content-policy or safety refusal of a picture."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    return _speaks_of_refusal(judged) and not is_filter_fault(judged)


def is_filter_fault(text: str | None) -> bool:
    """Return whether an error text is of a filter that failed, so that it refused nothing."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    if not _speaks_of_refusal(judged):
        return False
    has_verdict = _VERDICT.search(judged) is not None or _SAID_BY_MODEL.search(judged) is not None
    asks_other_words = _OTHER_WORDS.search(judged) is not None
    if _FAULT.search(judged) is not None or is_used_up(judged):
        return not (has_verdict and asks_other_words)
    if has_verdict or asks_other_words:
        return False
    return _ADVICE.search(judged) is not None or is_at_capacity(judged)


def _speaks_of_refusal(text: str) -> bool:
    patterns = (_REFUSAL, _FINISHED, _SAID_BY_MODEL)
    return any(item.search(text) for item in patterns) and _ACCOUNT.search(text) is None
