"""Takes out who somebody is and leaves what matters for health: before dialogue, model, logs, metrics and traces.

Own expressions for ids, dates of birth and addresses, phonenumbers for telephones, names for people. Readings, doses,
temperatures and ages stay. Offsets are characters of the input; in the text each identifier becomes [ITS TYPE].
"""

from __future__ import annotations

# ruff: noqa: E501, SIM905 - an expression and a list of words read better as they are spoken
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from phonenumbers import Leniency, PhoneNumberMatcher

from careguard.name_words import NOT_NAMES
from careguard.names import find_names

PHONE_REGIONS = ("US", "GB", "ES", "MX", "FR")
_MAX_CHARACTERS = 20_000
_DIGIT = re.compile(r"\d")
_REACH = 64
"""Characters between a cue and the digits that it announces."""


@dataclass(frozen=True, slots=True)
class RedactedSpan:
    """One identifier in the input, end exclusive."""

    start: int
    end: int
    type: str


@dataclass(frozen=True, slots=True)
class Redaction:
    """The text without identifiers, and where they were."""

    text: str
    spans: tuple[RedactedSpan, ...]


def redact(text: str) -> Redaction:
    """Return the text with every identifier replaced by [ITS TYPE]; overlapping finds become one, the earlier wins."""
    spans = _without_overlap(sorted(_find(text), key=lambda span: (span.start, -span.end)))
    pieces: list[str] = []
    position = 0
    for span in spans:
        pieces += [text[position : span.start], f"[{span.type}]"]
        position = span.end
    pieces.append(text[position:])
    return Redaction("".join(pieces), tuple(spans))


def _without_overlap(spans: list[RedactedSpan]) -> list[RedactedSpan]:
    kept: list[RedactedSpan] = []
    for span in spans:
        if kept and span.start < kept[-1].end:
            if span.end > kept[-1].end:
                kept[-1] = RedactedSpan(kept[-1].start, span.end, kept[-1].type)
            continue
        kept.append(span)
    return kept


def _find(text: str) -> Iterator[RedactedSpan]:
    yield from _matches(_WITHOUT_DIGITS, text)
    if _DIGIT.search(text):
        for start, end in _around_digits(text):
            yield from _matches(_WITH_DIGITS, text, start, end)
        yield from _cards(text)
        yield from _long_numbers(text)
        yield from _addresses(text)
        yield from _phones(text)
    for start, end in find_names(text):
        yield RedactedSpan(start, end, "NAME")


def _around_digits(text: str) -> Iterator[tuple[int, int]]:
    """Yield the parts of the text that have a digit near: no other part is worth the time of so many expressions."""
    first = last = None
    for digit in _DIGIT.finditer(text):
        if first is None or last is None:
            first = max(0, digit.start() - _REACH)
        elif digit.start() - last > 2 * _REACH:
            yield first, last + _REACH
            first = digit.start() - _REACH
        last = digit.end()
    if first is not None and last is not None:
        yield first, last + _REACH


def _matches(
    expressions: Sequence[tuple[str, re.Pattern[str]]], text: str, start_at: int = 0, end_at: int = _MAX_CHARACTERS
) -> Iterator[RedactedSpan]:
    for kind, expression in expressions:
        for match in expression.finditer(text, start_at, end_at):
            start, end = match.span("id") if "id" in expression.groupindex and match.group("id") else match.span()
            yield RedactedSpan(start, end, kind)


# ── numbers and addresses ────────────────────────────────────────────────────────────────────────────────────

_ID = r"(?P<id>[#]?(?=[\w./-]{0,24}\d)[A-Za-z0-9]{1,12}(?:[-./][A-Za-z0-9]{1,12}){0,4})"
_IS = r"\s*(?:number|numbers|no|num|nr|núm|número|numero|n[º°o]|id|code|código)?\.?\s*(?:is|was|es|:|=|#|,)?\s*(?:is|es)?\s*[#:]?\s*"
_MONTH = (
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec|ene|abr|ago|dic"
    r"|january|february|march|april|june|july|august|september|october|november|december"
    r"|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre|noviembre|diciembre)\.?"
)
_DATE = (
    r"(?:\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}|\d{4}[/.-]\d{1,2}[/.-]\d{1,2}"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+|de\s+)?{_MONTH},?\s+(?:de\s+|del\s+)?\d{{2,4}}"
    rf"|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{2,4}}"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+|de\s+)?{_MONTH}(?!\w)|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?!\w))"
)
_STREET = (
    r"street|st|road|rd|avenue|ave|av|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl|way|terrace|square|sq"
    r"|crescent|close|highway|hwy|parkway|pkwy|circle|cir|trail|gardens|grove|mews"
)
_WITHOUT_DIGITS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("EMAIL", re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+", re.UNICODE)),
    ("URL", re.compile(r"(?:https?://|www\.)[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]", re.IGNORECASE)),
    ("URL", re.compile(r"(?<![\w@.])(?:[a-z0-9-]{2,}\.)+[a-z]{2,}/[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]", re.IGNORECASE)),
    (
        "USERNAME",
        re.compile(
            r"\b(?:user ?name|user id|login|instagram|twitter|snapchat|tiktok|skype|facebook|telegram|usuario|handle)\b\s*(?:(?:is|es)\s*:?|:|=)\s*(?P<id>@[\w.-]{3,}|(?=[\w.-]*[\d_])[\w.-]{3,}\w)|(?<![\w@.])(?P<at>@[a-z][\w.]{2,}\w)",
            re.IGNORECASE,
        ),
    ),
    (
        "PASSWORD",
        re.compile(
            r"\b(?:pass(?:word|code|phrase)|pin(?: code| number)?|contrase[ñn]a|clave|c[óo]digo de acceso|access code)\s*(?:(?:is|es)\s*:?|:|=)\s*(?P<id>(?=\S*[\d@#$%!_])\S*[\w!@#$%])",
            re.IGNORECASE,
        ),
    ),
)  # fmt: skip
"""Identifiers that may hold no digit at all."""
_WITH_DIGITS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("IP_ADDRESS", re.compile(r"(?<![\w.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w.]*\d)")),
    ("IP_ADDRESS", re.compile(r"(?<![\w:])(?:[0-9a-f]{1,4}:){5,7}[0-9a-f]{1,4}(?![\w:])", re.IGNORECASE)),
    # National ids: US, UK, Spain, France, Mexico
    ("NATIONAL_ID", re.compile(r"\b(?!000|666)\d{3}[- ](?!00)\d{2}[- ](?!0000)\d{4}\b")),
    (
        "NATIONAL_ID",
        re.compile(
            rf"\b(?:ssn|social security|national insurance|nino|ni number|dni|nie|curp|rfc|nir|passport|pasaporte|seguro social|nss|nuss|cip|nif|mbi|steuer-?id|codice fiscale|national id|identity card|id card|green card|visa number|c[ée]dula|documento|ine|tax id|driv(?:er'?s?|ing) licen[sc]e|licencia de conducir|permis de conduire|s[ée]curit[ée] sociale)\b{_IS}{_ID}",
            re.IGNORECASE,
        ),
    ),
    ("NATIONAL_ID", re.compile(r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b")),
    ("NATIONAL_ID", re.compile(r"\b(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z]\b")),
    ("NATIONAL_ID", re.compile(r"\b[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d\b", re.IGNORECASE)),
    ("NATIONAL_ID", re.compile(r"\b\d{2}[ /-]\d{2}[ /-]\d{2}[ /-]\d{4}[ /-]\d\b|\b\d{2}[ /-]\d{8}[ /-]\d{2}\b")),
    ("NATIONAL_ID", re.compile(r"\b[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]\b", re.IGNORECASE)),
    ("INSURANCE_ID", re.compile(r"\b[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}\b")),
    ("INSURANCE_ID", re.compile(r"\b[A-Z]{4} ?\d{9,12}\b")),
    ("VEHICLE", re.compile(r"\bplates?\b(?: number)?\s*(?:is|:)?\s*(?P<id>[A-Z]{1,3}[ -]?\d{2,4}(?:[ -]?[A-Z]{1,3})?|\d{1,4}[ -]?[A-Z]{2,3})\b")),
    (
        "VEHICLE",
        re.compile(r"\b(?:licen[sc]e plate|number plate|registration plate|plate number|vin|matr[íi]cula|placas?|plaque d'immatriculation|kennzeichen)\b" + _IS + r"(?P<id>(?=[\w -]{0,12}\d)[A-Z0-9]{1,17}(?:[ -][A-Z0-9]{1,5}){0,2})", re.IGNORECASE),
    ),
    ("NATIONAL_ID", re.compile(r"\b[A-ZÑ&]{4}\d{6}[A-Z0-9]{3}\b")),
    ("NATIONAL_ID", re.compile(r"\b[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3}(?: ?\d{2})?\b")),
    (
        "INSURANCE_ID",
        re.compile(
            rf"\b(?:(?:health\s+|medical\s+)?ins(?:urance)?\.?(?:\s+(?:policy|plan|member|card|id|group))*|policy|(?:health|dental|medical)\s+plan(?=\s*(?:number|no\b|id\b|#|:))|member\s*id|membership|medicare|medicaid|hmo|group\s+(?:no|number|id)|p[óo]liza|seguro|afiliaci[óo]n|tarjeta sanitaria|beneficiary|plan id|subscriber)\b{_IS}{_ID}",
            re.IGNORECASE,
        ),
    ),
    ("INSURANCE_ID", re.compile(r"\b(?:HMO|PPO)-\d{4,}\b")),
    (
        "RECORD_NUMBER",
        re.compile(
            rf"\b(?:mrn|medical record|record|medrec|emr|record number|chart|patient\s*id|pt\s*id|patient number|hospital (?:no|number|id)|nhs(?: number| no)?|case|ref(?:erence)?(?:\.?\s*code)?|acct|account|rx|id|historia cl[íi]nica|expediente|n[úu]mero de paciente|nhc|file|visit|encounter)\b\.?{_IS}{_ID}",
            re.IGNORECASE,
        ),
    ),
    ("RECORD_NUMBER", re.compile(r"\b(?:9434|4\d{2}|6\d{2}|7\d{2}) ?\d{3} ?\d{4}(?= .{0,12}nhs)", re.IGNORECASE)),
    ("CARD", re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")),
    (
        "DATE_OF_BIRTH",
        re.compile(
            rf"\b(?:born|dob|d\.o\.b\.?|date of birth|birth ?date|birthday|bday|nac[íi](?:do|da)?|naci[óo]|fecha de nacimiento|f\.?\s?n\.?|cumplea[ñn]os|n[ée]e? le|date de naissance|geboren am|geburtsdatum|nascid[oa] em|data de nascimento|nato il|nata il)\b(?:\s*\(\w+\))?\s*(?:is|was|on|in|es|el|:|-|=)*\s*(?:on|el)?\s*(?P<id>{_DATE})",
            re.IGNORECASE,
        ),
    ),
    ("ADDRESS", re.compile(r"\b(?:PSC|Unit|CMR) \d{2,5},? Box \d{2,5}(?:[,\s]+(?:APO|FPO|DPO)\s+A[AEP]\s+\d{5})?", re.IGNORECASE)),
    ("ADDRESS", re.compile(r"(?<=, )\d{5} [A-ZÀ-Þ][a-zà-ÿ]{2,}(?: [A-ZÀ-Þ][a-zà-ÿ]+)?|\b[A-ZÀ-Þ][a-zà-ÿ]+(?: [A-ZÀ-Þ][a-zà-ÿ]+)?,? [A-Z]{2},? \d{5}(?:-\d{4})?\b")),
    ("ADDRESS", re.compile(r"\b(?i:p\.?\s?o\.?\s?box|apartado(?: de correos| postal)?)\s+\d+\b")),
    (
        "ADDRESS",
        re.compile(r"\b(?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2})\b"),
    ),
    (
        "ADDRESS",
        re.compile(
            r"\b(?i:zip(?: code)?|post ?code|postal code|c[óo]digo postal|code postal|plz|postleitzahl|c\.?p\.)\s*(?i:is|es|:)?\s*(?P<id>[A-Z]{0,2}-?\d{3,6}(?:[- ]\d{2,4})?)\b"
        ),
    ),
)  # fmt: skip


# ── places to live ───────────────────────────────────────────────────────────────────────────────────────────

_NAME_OF_STREET = r"(?:[A-ZÀ-Þ0-9][\wÀ-ÿ'’.-]*)"
_UNIT = r"(?:,?\s*(?i:apt|apartment|suite|ste|unit|flat|floor|room|rm|piso|planta|int|interior|puerta|depto|dpto|departamento|esc|escalera|bajo|app?t|[ée]tage|col|colonia|#)\b\.?\s*[#ºª]?\s*\w{1,8})"
_STREET_FORMS = (
    # 42 Oak Street · Flat 2, 14 Elm Road · 975 3968 Bay Street Suite 3
    re.compile(
        rf"(?<![\w.,/$€£-])(?:(?i:flat|unit|apartment|apt|suite)\.?\s*\w{{1,4}},\s*)?\d{{1,6}}[A-Za-z]?(?:[ -]\d{{1,5}})?(?:\s+(?:[NSEW]\.?|North|South|East|West))?(?:\s+[A-ZÀ-Þ0-9][\wÀ-ÿ'’.-]*){{1,4}}\s+(?i:{_STREET})\b\.?(?:\s+(?:[NSEW]{{1,2}}\b|\d{{1,4}}\b))?{_UNIT}?"
    ),
    # 6750 Koskikatu 25 · 329 Arenales 9462 Apt. 3
    re.compile(
        rf"(?<![\w.,/$€£-])\d{{2,6}}[A-Za-z]?(?:\s+\d{{1,5}})?(?:[ \t]+[A-ZÀ-Þ][\wÀ-ÿ'’.-]*){{1,4}}(?:[ \t]+\d{{1,5}}[A-Za-z]?\b{_UNIT}?|{_UNIT})"
    ),
    # Calle de Alcalá 45, 3º B · C/ Mayor, 12 · Av. Juárez #45, Col. Centro · Via Roma 3 · Rua Augusta, 100
    re.compile(
        rf"(?<!\w)(?i:calle|c/|cl\.|avenida|avda\.?|av\.|plaza|pza\.?|paseo|p[ºo]\.|camino|carretera|ctra\.?|calzada|callej[óo]n|privada|ronda|travesía|urb\.|urbanizaci[óo]n|blvd\.?|bulevar|viale|piazza|rua|travessa|praça|colonia|col\.)\s*(?:(?:de|del|la|las|los|el|le|du|des|da|do|dos)\s+){{0,3}}[A-ZÀ-Þ0-9][\wÀ-ÿ'’.-]*(?:\s+(?:(?:de|del|la|las|los|y|e)\s+){{0,2}}[A-ZÀ-Þ][\wÀ-ÿ'’.-]*){{0,3}}(?:,?\s*(?i:n[úu]m(?:ero)?\.?|n[º°o]\.?|#)?\s*\d{{1,5}}[A-Za-z]?\b)?(?:,?\s*\d{{1,2}}\s?[ºª°]\.?\s?(?:[A-Za-z]\b|izq\w*|dcha\w*|der\w*)?)?{_UNIT}*"
    ),
    re.compile(
        r"\b(?:calle|avenida|avda|av|c/)\.?\s+[a-zà-ÿ]{3,}(?:\s+[a-zà-ÿ]{2,}){0,3}\s+(?:n[º°o]\.?\s*|#\s*|n[úu]mero\s+)?\d{1,5}\b"
    ),
    # 12 bis rue de la Paix · 5, avenue Foch
    re.compile(
        r"(?<![\w.,/$€£-])\d{1,4}(?:\s?(?:bis|ter))?,?\s+(?i:rue|avenue|av\.|boulevard|bd\.?|place|all[ée]e|chemin|impasse|quai|cours|route|square)\s+(?:(?:de|du|des|de la|de l['’]|d['’])\s?){0,2}(?:(?:la|le|les)\s+)?[A-ZÀ-Þ][\wÀ-ÿ'’.-]*(?:[ -][A-ZÀ-Þ][\wÀ-ÿ'’.-]*){0,3}"
    ),
    # Hauptstraße 12 · Kerkstraat 5b · Storgatan 3
    re.compile(
        r"\b[A-ZÄÖÜÅØÆ][\wÀ-ÿ-]*(?:stra(?:ß|ss)e|str\.|[Ss]tr\.|weg|platz|allee|gasse|damm|ufer|straat|laan|plein|gata|gatan|v[äe]gen|vej|veien|katu|utca)\s+\d{1,4}\s?[a-z]?\b|\b[A-ZÄÖÜ][\wÀ-ÿ-]+er (?:Stra(?:ß|ss)e|Weg|Platz|Allee)\s+\d{1,4}\s?[a-z]?\b"
    ),
    re.compile(r"\bP\.?\s?O\.?\s?Box\s+\d+\b", re.IGNORECASE),
)
_AFTER_A_CUE = re.compile(
    r"\b(?i:live|lives|living|vivo|vive|resides?|(?:my |home |street |mailing |billing |the )?address(?: is|:)|direcci[óo]n(?: es)?:?|domicilio(?: es)?:?|adresse(?: est)?:?)\s+(?i:at|in|en|on|is|es)?\s*(?P<id>\d{1,5}\s+[^\n.;?!]{4,60}|[^\n.;?!\d]{3,40}\s\d{1,5}[A-Za-z]?(?:,[^\n.;?!]{2,40})?)(?=[\n.;?!]|$)"
)
_REST_OF_ADDRESS = re.compile(
    r"(?:[ \t]*[,\n]){1,2}[ \t]*(?P<chunk>[A-Z]\d[A-Z] ?\d[A-Z]\d|[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}|[A-Z]{2,3}(?:[ \t]+\d{5}(?:-\d{4})?)?|\d{4,6}(?:-\d{3,4})?(?:[ \t]+[A-ZÀ-Þ][\wÀ-ÿ'’.-]*){0,2}|[A-ZÀ-Þ][\wÀ-ÿ'’.-]*(?:[ \t]+[A-ZÀ-Þ][\wÀ-ÿ'’.-]*){0,2}(?:[ \t]+[A-Z]{2})?(?:[ \t]+\d{4,6}(?:-\d{4})?|[ \t]+[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2})?)(?=[ \t]*(?:[,\n.;]|$))"
)
_MOST_CHUNKS = 4
_TIME_WORDS = re.compile(
    r"(?:mg|mcg|ml|years?|days?|hours?|weeks?|months?|times?|pills?|tablets?|units?|mmhg|bpm)\b", re.IGNORECASE
)


def _addresses(text: str) -> Iterator[RedactedSpan]:
    for expression in _STREET_FORMS:
        for match in expression.finditer(text):
            if _is_street(match.group(), text[match.end() : match.end() + 12]):
                yield RedactedSpan(match.start(), _end_of_address(match.end(), text), "ADDRESS")
    for match in _AFTER_A_CUE.finditer(text):
        yield RedactedSpan(*match.span("id"), "ADDRESS")


def _is_street(found: str, after: str) -> bool:
    """Return whether it is a place: neither "500 Metformin 2" nor "5 March 2020"."""
    words = [word.strip(".,'’").lower() for word in re.findall(r"[^\W\d_][\w'’.-]*", found)]
    named = [word for word in words if word not in NOT_NAMES]
    return (
        bool(named)
        and not _TIME_WORDS.search(found)
        and not re.match(r"\s*(?:mg|mcg|ml|mmhg|bpm|%|in tests)\b", after, re.IGNORECASE)
    )


def _end_of_address(end: int, text: str) -> int:
    """Return where town, region, country and postcode end that follow a street after commas or on new lines."""
    for _ in range(_MOST_CHUNKS):
        rest = _REST_OF_ADDRESS.match(text, end)
        if rest is None or rest.group("chunk").split()[0].lower() in _SENTENCE_STARTS:
            return end
        end = rest.end("chunk")
    return end


_SENTENCE_STARTS = frozenset(
    "i my he she it we they you the a an and but so because please can what how when is are do does mi me yo tengo el la los las y pero estoy".split()
)


# ── numbers ──────────────────────────────────────────────────────────────────────────────────────────────────


def _long_numbers(text: str) -> Iterator[RedactedSpan]:
    """Yield ten digits that pass the check of an NHS number, and longer runs of digits, which no reading has.

    Source: NHS Data Dictionary, NHS NUMBER (modulus 11).
    """
    for match in re.finditer(r"(?<![\w.,+/-])\d{3}[ -]?\d{3}[ -]?\d{4}(?![\w/-])", text):
        digits = [int(digit) for digit in match.group() if digit.isdigit()]
        check = 11 - sum(digit * (10 - place) for place, digit in enumerate(digits[:9])) % 11
        if check % 11 == digits[9] and len(set(digits)) > 1:
            yield RedactedSpan(*match.span(), "NATIONAL_ID")
    for match in re.finditer(r"(?<![\w.,+])\d{9,}(?![\w%]|[.,]\d)", text):
        if not _MEASURE_AFTER.match(text, match.end()):
            yield RedactedSpan(*match.span(), "RECORD_NUMBER")


def _cards(text: str) -> Iterator[RedactedSpan]:
    for match in re.finditer(r"(?<![\d.,/-])\d(?:[ -]?\d){11,18}(?![\d/])", text):
        digits = [int(digit) for digit in match.group() if digit.isdigit()]
        before = text[max(0, match.start() - 30) : match.start()].lower()
        if _luhn(digits) or re.search(r"card|tarjeta|visa|mastercard|amex", before):
            yield RedactedSpan(match.start(), match.end(), "CARD")


def _luhn(digits: list[int]) -> bool:
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if position % 2 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return total % 10 == 0 and len(set(digits)) > 1


_PHONE_CUE = re.compile(
    r"\b(?:phone|tel|tel[ée]fono|telephone|mobile|m[óo]vil|cell|celular|fax|call me(?: at| on)?|text me(?: at| on)?|contact|ll[áa]m[ae]me|whatsapp|wsp|desk|office|number is|n[úu]mero es|messages to|direct|home|number|reach me(?: at| on)?|my number)\b[^\d+(]{0,12}(?P<id>\+?[(\d][\d\s().\-/x]{5,22}\d)",
    re.IGNORECASE,
)
_PHONE_BEFORE_CUE = re.compile(
    r"(?<![\w.,/-])(?P<id>\+?\(?\d[\d ().\-]{5,18}\d)[ \t]*\(?(?:office|fax|mobile|cell|home|work|desk|tel|phone|m[óo]vil|fijo|casa|oficina|trabajo|handy|b[üu]ro)\b",
    re.IGNORECASE,
)
_EXTENSION = re.compile(r"\b(?:ext|extension|extensi[óo]n|anexo)\b\.?\s*:?\s*(?P<id>\d{2,6})\b", re.IGNORECASE)
_LONG_ENOUGH = re.compile(r"[+(]{0,2}\d[\d ().\-/]{5,24}\d")
_WRITTEN_AS_PHONE = re.compile(
    r"(?<![\w./-])(?:\+\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?:\s*(?:x|ext\.?)\s*\d+)?(?![\w/-])"
    r"|(?<![\w.])\+\d{1,3}[ .-]?(?:\(0\))?[\d .()-]{6,16}\d(?!\w)"
)
_MEASURE_AFTER = re.compile(
    r"\s*(?:mg|mcg|µg|g|kg|ml|l|mmol|mmhg|mm|cm|bpm|lbs?|pounds|%|°|degrees|hours|days|years|weeks|a[ñn]os|d[íi]as)\b",
    re.IGNORECASE,
)


def _phones(text: str) -> Iterator[RedactedSpan]:
    for match in _PHONE_CUE.finditer(text):
        if sum(character.isdigit() for character in match.group("id")) >= 7:
            yield RedactedSpan(*match.span("id"), "PHONE")
    for match in _PHONE_BEFORE_CUE.finditer(text):
        if 7 <= sum(character.isdigit() for character in match.group("id")) <= 15:
            yield RedactedSpan(*match.span("id"), "PHONE")
    for match in _EXTENSION.finditer(text):
        yield RedactedSpan(*match.span("id"), "PHONE")
    for candidate in _LONG_ENOUGH.finditer(text[:_MAX_CHARACTERS]):
        if sum(character.isdigit() for character in candidate.group()) >= 7:
            yield from _valid_numbers(candidate, text)
    for match in _WRITTEN_AS_PHONE.finditer(text):
        yield RedactedSpan(*match.span(), "PHONE")


def _valid_numbers(candidate: re.Match[str], text: str) -> Iterator[RedactedSpan]:
    """Yield the numbers that exist in one of the countries, asked of the few characters that could be one."""
    around = max(0, candidate.start() - 1)
    piece = text[around : candidate.end() + 8]
    for region in PHONE_REGIONS:
        valid = [
            RedactedSpan(around + found.start, around + found.end, "PHONE")
            for found in PhoneNumberMatcher(piece, region, leniency=Leniency.VALID, max_tries=20)
            if not _MEASURE_AFTER.match(text, around + found.end)
        ]
        if valid:
            yield from valid
            return
