"""Tells refusals of a picture from faults whose words only resemble them.

Must not know: HTTP, retries, or which exception a meaning becomes.
"""

import re

from nbp_dagster.oxen.error_text import MAX_JUDGED_CHARS
from nbp_dagster.oxen.words.limits import is_at_capacity, is_used_up
from nbp_dagster.oxen.words.rules import breaks_rules

# Which side errs. A false refusal costs a picture: its prompt is never asked again, until somebody
# reopens it. A false passing fault costs a bill in each run that asks, up to eight. What is neither
# is asked twice and then left alone: where words may mean either, they are made neither.

_PICTURE = (
    r"(?:prompts?|images?|pictures?|photos?|content|outputs?|texts?|scenes?|requests?|inputs?"
    r"|generations?|responses?|results?|materials?|references?|files?|words?|queries|query)"
)
"""What is judged, or stands for it."""

_NOT_OF_THE_SENDER = (
    r"(?!\s+(?:as|for|due\s+to|because\s+of)\s+(?:\w+\s+){0,2}?(?:automated|bots?|spam|leaked"
    r"|unhealthy|suspicious|unusual|fraud\w*|stale|duplicates?|malformed|corrupt\w*|traffic)\b)"
)

_NOT_OF_THE_FILE = (
    r"(?!siz|ratio|aspect|resolution|dimension|format|type|pixel|width|height|larger|bigger|smaller"
    r"|exceed|gif|png|jpe?g|webp|svg|unsupported)"
)

_FILTER = (
    r"(?:safety|content[\s_-]+(?:filter\w*|moderation|management|checker)|moderation|moderators?)\b"
)

_BAD = (
    r"(?:unsafe|inappropriate|not\s+appropriate|harmful|sensitive|explicit|violen(?:t|ce)|sexual\w*"
    r"|nudity|gore|hate(?:ful)?|self[\s_-]harm|harassment|minors)"
)
"""What filters look for."""

_ON_THE_WAY = r"\s+by\s+(?:\w+\s+){0,2}?(?:firewall|waf|proxy|gateway|network|dlp|casb|cors)\b"
"""What turns requests away before anything judges them."""

_REFUSAL = re.compile(
    rf"""
      content[\s_-]*(policy|policies|violation|restriction)
    | (usage|acceptable[\s_]use|safety)[\s_-]*(policy|policies)
    | (prohibited|disallowed|unsafe|sensitive|harmful|inappropriate)[\s_-]*
      (content|use|material|words?|terms)
    | \bbanned\s+(prompts?|content|words?|terms?)\b
    | \b{_PICTURE}\s+(may|might|could)\s+contain\s+sensitive\s+information\b
    | responsible[\s_-]*ai(\b|policy)
    | \brai[\s_-]?(media[\s_-]?)?filter
    | \b{_PICTURE}(\W+\w+){{0,5}}?\W+flagged\b{_NOT_OF_THE_SENDER}
    | (^\W*|[:=]\s*|\b(it|this)\s+(was|is|has\s+been)\s+)flagged\b{_NOT_OF_THE_SENDER}
    | \bflagged\s+({_PICTURE}|by\s+(\w+\s+){{0,3}}?{_FILTER})
    | \b(images?|pictures?|results?|outputs?)\s+(\w+\s+)?filtered\s+out\b
    | \bfiltered\s+out\s+(images?|pictures?)\b
    | \b(person|people|face|child(ren)?|celebrity)\s+generation\s+(is\s+)?
      (not\s+(allowed|permitted)|prohibited|blocked)\b
    | \bblocked\b[^.!?]{{0,100}}\bperson\s+generation\b
    | \bblocked\b[^.!?]{{0,80}}\bthird[\s-]party\s+content\s+providers?\b
    | \b(images?|pictures?|depictions?)\s+of\s+(?!more\b|less\b|over\b|\d)
      ({_NOT_OF_THE_FILE}\w+\s+){{1,5}}?(is|are)\s+(not\s+(allowed|permitted)|prohibited|forbidden)\b
      (?!\s+(\w+\s+){{0,3}}?(plan|tier|subscription|size|ratio|resolution)\b)
    | \bprompt\s+(was|is|has\s+been)\s+blocked\b(?!{_ON_THE_WAY})
    | \b(did\s+not|fail(ed|ure)?\s+to)\s+pass\s+(\w+\s+){{0,2}}?risk\s+control\b
    | \bdata_?inspection_?failed\b
    | (?-i:\bSAFETY\.(INPUT|OUTPUT|TEXT|IMAGE)\b)
    | safety[\s_-]*(reasons?|violation|block)\b(?!["']?\s*[:=]) | \bsafety_violations\b
    | (for|by|to|of|on)\s+safety\b(?![\s_-]*(tolerance|settings?|level|goggles|glasses|gear))
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A refusal has no documented status or type: these are the words upstream models and clients use.
The parameter `safety_tolerance` and props such as safety goggles are not among them, nor is a
sender that was flagged or an image whose file is not allowed."""

_NAME = re.compile(
    r"""
      content[\s_-]*(filter|moderation|management)
    | moderat(ed|ion|or)
    | \bnsfw\b
    | image[\s_]safety
    | safety[\s_-]*(system|filters?|check(s|er)?|guidelines?|ratings?)\b(?!["']?\s*[:=])
    | \bcopyrighted\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Names of filters and of what they look for. They are a refusal where something was judged."""

_PARAMETER = re.compile(
    r"""
      \b(unknown|unrecogni[sz]ed|unexpected|unsupported)\s+(\w+\s+)?
      (parameter|argument|field|property|option|keyword|attribute)s?\b
    | \binvalid\s+(parameter|option|value)\b
    | \bextra\s+inputs?\s+(is|are)\s+not\s+(permitted|allowed)\b
    | \bfield\s+not\s+permitted\b | \bsupported\s+values\b | \badditional\s+properties\b
    | \bnot\s+a\s+valid\s+(parameter|argument|field|property|option)\b
    | \b(parameter|argument|field|property|option|attribute)s?\s+['"`]?\w*(moderation|safety|nsfw)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words of a request that asks in the wrong way; a parameter may have a filter's name."""

_BARE_REASON = re.compile(
    r"""(?:^|[\[(:=]\s?)["']?(?:content[\s_-](?:filter(?:ed)?|moderation)|moderation
    |safety[\s_-]filters?)["']?(?:$|[\])},.])""",
    re.IGNORECASE | re.VERBOSE,
)
"""The name of a filter for a reason, as `content_filter` is one."""

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
      |limits?|quota|fetch\w*|download\w*|urls?|sizes?|resolutions?|ratios?|dimensions?|pixels?
      |(larger|bigger|smaller)\s+than)\b)
      (
        (create|generate|produce|make|draw|depict|render|edit|modify)\s+
        ((\w+\s+){0,4}?(images?|pictures?|photos?|illustrations?|content|depictions?|scenes?)\s+
         (of|that|which|depict\w*|show\w*|contain\w*|involv\w*|featur\w*)
        |(that|this|such)\s+(\w+\s+){0,2}?(images?|pictures?|photos?|content|requests?))
      | (fulfil+|complete|comply\s+with|assist\s+(you\s+)?with|help\s+(you\s+)?with)\s+
        (that|this|your|such|(creating|generating|editing|requests?|images?|pictures?)\s+
         (\w+\s+){0,2}?(of|that|which|for|depict\w*|involv\w*))\b
      )
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A refusal in the model's own voice. One that speaks of now, of what it lacks, of a size or of
what it is may be another thing: it is none. Nor is one that can't process something, which has as
often another cause."""

_ACCOUNT = re.compile(
    r"\b(accounts?|api[\s_-]?key|organi[sz]ation|project|workspace)(['’]s)?\s+(\S+\s+){0,4}?"
    r"(suspended|disabled|banned|deactivated|restricted|flagged|blocked|violat\w+)"
    r"|\b(invalid|incorrect|missing)\s+api[\s_-]?key\b"
    r"|\b(ip(\s+address(es)?)?|e-?mail(\s+\w+)?|domain|device)\s+"
    r"((has|have|was|were|is|are|been)\s+){1,2}flagged\b",
    re.IGNORECASE,
)
"""An account or a sender that broke the rules: no prompt did, and all would be refused for good."""

_VERDICT = re.compile(
    rf"""
      (?<![a-z])(blocked|rejected|refused|declined|filtered|flagged|prohibited|disallowed|withheld
      |suppressed|censored|tripped|prevented|(caught|stopped|halted|removed|cut\s+off)\s+by
      |(?<!be\s)(?<!not\s)moderated|(?<!method\s)not\s+(allowed|permitted)
      |(?<!access\s)(?<!permission\s)denied|(?<!403\s)forbidden)
      (?![a-z])(?!{_ON_THE_WAY})
    | n['’]t\s+(allowed|permitted)\b
    | \b(blocks|rejects|prohibits|disallows|forbids)\b
    | (?<!not\s)(?<!n['’]t\s)\bcontain(s|ed|ing)?\b
    | \bagainst\s+(our|the|its|their)\b(?!\s+(\w+\s+)?(moderation|safety|filter|classifier)\b)
    | (?<!for\s)(?<!not\s)\bnsfw\b(?![\s_-]*(check|filter|detect(or|ion)|classif|model))
    | violat(e|ing|ion) | \binfring | \bhit\s+(the|our|a)\b
    | (?<![a-z])trigger(s|ed|ing)\b(?!\s+(an?\s+)?(\w+\s+)?(error|exception|fault|timeout))
    | \b(not|n['’]t|fail(ed|ure)?\s+to)\s+pass(ed)?\b
    | \bfail(s|ed)\s+((the|our|its|a)\s+)?(\w+\s+)?(safety|content|moderation)\b
    | (content|material|words?|terms|nudity)\s+(was\s+|were\s+)?detected\b
    | \b(is|are|was|were|be|as|deemed|considered|potentially)\s+{_BAD}\b
    | \b{_FILTER}\W+(\w+\W+){{0,2}}?{_BAD}\b
    | \bfinish[\s_-]?reason | \bblock(ed)?[\s_-]?reason
    | \bimage_safety\b | \bprohibited_content\b | \bfor\s+safety\b
    | \b(due\s+to|because\s+of|as\s+a\s+result\s+of)\s+([\w'’]+\s+){{0,4}}?{_FILTER}
      (?!\s+(\w+\s+)?(outage|error|failure|timeout|latency|delay|maintenance|queue|quota|crash))
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

_NO_VERDICT = re.compile(
    rf"""
      \bretry(ing)?\b | \btry\s+(it\s+)?again\s*([.!,;]|$|(later|shortly|soon|in)\b)
    | \b(filter|check(er)?|moderation|classifier)\s+(error|crash|exception|malfunction)
    | \berror\s+(\w+\s+)?(in|during|from|running|calling)\s+(the\s+)?(safety|moderat|filter)
    | \b(fail(ed|ure)|unable|could\s?n[o'’]t|could\s+not|can\s?not|can['’]t)\s+(to\s+)?
      (run|get|verify|check|complete|perform|determine|evaluate|obtain|execute|finish|retrieve|query)
      \s+((?!because\b|due\b|for\b|by\b)\w+\s+){{0,4}}?({_FILTER}|safety_check)
    | \b(fail(ed|ure)|unable|could\s+not|can\s?not)\s+(to\s+)?(check|scan|screen)\s+
      (\w+\s+){{0,3}}?for\b
    | \b(safety|moderation|filter)\s+(\w+\s+){{0,2}}?(could\s+not|cannot|can['’]t)\s+be\s+
      (completed|run|performed|verified|executed|finished)\b
    | \b(moderation|safety\s+check(er)?|filter)\s+(request|call|service|endpoint|api|job|worker)\s+
      (has\s+)?(failed|crashed|died)\b
    | \bnot\s+responding\b | \bno\s+(response|answer|reply)\s+(\w+\s+){{0,2}}?from\b
    | \bout\s+of\s+memory\b | \boutage\b | \bupstream\b | \bdisconnect(ed)?\b | \bcrashed\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Words that go with a fault as with a refusal: a fault's where nothing says that it judged. A
plain "blocked by safety filters. Please try again." is a refusal."""

_OTHER_WORDS = re.compile(
    r"\b(rephras|reword|modify|revis|different|another\s+prompt"
    r"|(edit|chang|adjust|remov)\w*\s+(your|the|any|it|this|that|and|or)\b)",
    re.IGNORECASE,
)
"""Advice that follows a refusal alone: "please modify your prompt and try again"."""


def is_refusal(text: str | None) -> bool:
    """Return whether an error text is a content-policy or safety refusal of a picture."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    return (_is_refused(judged) or _is_filtered(judged)) and not is_filter_fault(judged)


def is_filter_fault(text: str | None) -> bool:
    """Return whether an error text is of a filter that failed, so that it refused nothing."""
    judged = (text or "")[:MAX_JUDGED_CHARS]
    if not (_is_refused(judged) or _names_filter(judged)):
        return False
    asks_other_words = _OTHER_WORDS.search(judged) is not None
    if _FAULT.search(judged) is not None or is_used_up(judged):
        return not (_has_verdict(judged) and asks_other_words)
    if _has_verdict(judged) or asks_other_words:
        return False
    return _NO_VERDICT.search(judged) is not None or is_at_capacity(judged)


def _is_refused(text: str) -> bool:
    """Return whether a text has words that are a refusal as they stand."""
    patterns = (_REFUSAL, _FINISHED, _SAID_BY_MODEL)
    says_so = breaks_rules(text) or any(item.search(text) for item in patterns)
    return says_so and _ACCOUNT.search(text) is None


def _is_filtered(text: str) -> bool:
    """Return whether a text names a filter, and that it judged."""
    says_so = _has_verdict(text) or any(item.search(text) for item in (_OTHER_WORDS, _BARE_REASON))
    return says_so and _names_filter(text)


def _names_filter(text: str) -> bool:
    """Return whether a text is about a filter, and not about an account or a parameter."""
    others = (_ACCOUNT, _PARAMETER)
    return _NAME.search(text) is not None and not any(item.search(text) for item in others)


def _has_verdict(text: str) -> bool:
    return _VERDICT.search(text) is not None or _SAID_BY_MODEL.search(text) is not None
