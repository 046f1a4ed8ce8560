"""Takes out who somebody is and leaves what matters for health: before dialogue, model, logs, metrics and traces.

Own expressions for ids, dates of birth, addresses and names after a cue, and phonenumbers for telephones. Readings, doses,
temperatures and ages stay. Offsets are characters of the input; in the text each identifier becomes [ITS TYPE].
"""

from __future__ import annotations

# ruff: noqa: E501 - an expression reads better on one line than cut in two
import re
from collections.abc import Iterator
from dataclasses import dataclass

from phonenumbers import Leniency, PhoneNumberMatcher

from careguard.names import ALSO_WORDS, GIVEN_NAMES, NOT_NAMES, SURNAMES_TOO

PHONE_REGIONS = ("US", "GB", "ES", "MX", "FR")
_MAX_CHARACTERS = 20_000


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
    for kind, expression in _PLAIN:
        for match in expression.finditer(text):
            start, end = match.span("id") if "id" in expression.groupindex else match.span()
            yield RedactedSpan(start, end, kind)
    yield from _cards(text)
    yield from _phones(text)
    yield from _names(text)


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
    rf"|{_MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{2,4}})"
)
_STREET = (
    r"street|st|road|rd|avenue|ave|av|lane|ln|drive|dr|boulevard|blvd|court|ct|place|pl|way|terrace|square|sq"
    r"|crescent|close|highway|hwy|parkway|pkwy|circle|cir|trail|gardens|grove|mews"
)
_PLAIN: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("EMAIL", re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+", re.UNICODE)),
    ("URL", re.compile(r"(?:https?://|www\.)[^\s<>\"')\]]+[^\s<>\"')\].,;:!?]", re.IGNORECASE)),
    # National ids: US, UK, Spain, France, Mexico
    ("NATIONAL_ID", re.compile(r"\b(?!000|666)\d{3}[- ](?!00)\d{2}[- ](?!0000)\d{4}\b")),
    (
        "NATIONAL_ID",
        re.compile(
            rf"\b(?:ssn|social security|national insurance|nino|ni number|dni|nie|curp|rfc|nir|passport|pasaporte|seguro social|nss|national id|c[ée]dula|ine|tax id|driver'?s licen[sc]e)\b{_IS}{_ID}",
            re.IGNORECASE,
        ),
    ),
    ("NATIONAL_ID", re.compile(r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b")),
    ("NATIONAL_ID", re.compile(r"\b(?:\d{8}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z]\b")),
    ("NATIONAL_ID", re.compile(r"\b[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d\b", re.IGNORECASE)),
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
            rf"\b(?:born|dob|d\.o\.b\.?|date of birth|birth ?date|birthday|bday|nac[íi](?:do|da)?|naci[óo]|fecha de nacimiento|f\.?\s?n\.?|cumplea[ñn]os|n[ée]e? le)\b\s*(?:is|was|on|in|es|el|:|-|=)*\s*(?:on|el)?\s*(?P<id>{_DATE})",
            re.IGNORECASE,
        ),
    ),
    (
        "ADDRESS",
        re.compile(
            rf"\b\d{{1,5}}[A-Za-z]?(?:\s+(?:[NSEW]\.?|North|South|East|West))?(?:\s+[A-ZÀ-Þ][\w'’.-]*){{1,4}}\s+(?i:{_STREET})\b\.?(?:,?\s*(?i:apt|apartment|suite|ste|unit|flat|floor|#)\.?\s*#?\w+)?(?:,\s*[A-ZÀ-Þ][\w .'-]{{1,24}})?(?:,?\s+[A-Z]{{2}}\b)?(?:\s+\d{{5}}(?:-\d{{4}})?)?"
        ),
    ),
    (
        "ADDRESS",
        re.compile(
            r"\b(?i:calle|c/|avenida|avda\.?|av\.|plaza|pza\.?|paseo|camino|carretera|calzada|callej[óo]n|privada|blvd\.?|bulevar|rue|avenue|boulevard|via|colonia|col\.)\s+(?:(?:de|del|la|las|los|el|le|du|des)\s+){0,3}[A-ZÀ-Þ][\wÀ-ÿ'’.-]*(?:\s+(?:(?:de|del|la|las|los|y)\s+){0,2}[A-ZÀ-Þ][\wÀ-ÿ'’.-]*){0,3}(?:,?\s*(?i:n[úu]m(?:ero)?\.?|n[º°o]\.?|#)?\s*\d{1,5}[A-Za-z]?)?(?:,?\s*(?i:piso|planta|int\.?|interior|puerta|depto\.?|dpto\.?|col\.|colonia|c\.?p\.?)\s*[\wÀ-ÿ]+)*(?:,?\s*\d{5})?"
        ),
    ),
    (
        "ADDRESS",
        re.compile(
            r"\b(?i:live|lives|living|vivo|vive|address is|address:|direcci[óo]n(?: es)?:?|domicilio(?: es)?:?)\s+(?i:at|in|en|on)?\s*(?P<id>\d{1,5}\s+[^\n.;?!]{4,60}|[^\n.;?!\d]{3,40}\s\d{1,5}[A-Za-z]?(?:,[^\n.;?!]{2,40})?)(?=[\n.;?!]|$)"
        ),
    ),
    ("ADDRESS", re.compile(r"\b(?:PSC|Unit) \d{2,5},? Box \d{2,5}(?:[,\s]+(?:APO|FPO|DPO)\s+A[AEP]\s+\d{5})?")),
    ("ADDRESS", re.compile(r"\b(?i:p\.?\s?o\.?\s?box|apartado(?: de correos| postal)?)\s+\d+\b")),
    (
        "ADDRESS",
        re.compile(r"\b(?:[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2})\b"),
    ),
    (
        "ADDRESS",
        re.compile(
            r"\b(?i:zip(?: code)?|post ?code|postal code|c[óo]digo postal|c\.?p\.)\s*(?i:is|es|:)?\s*(?P<id>[A-Z]{0,2}-?\d{3,6}(?:[- ]\d{2,4})?)\b"
        ),
    ),
)  # fmt: skip


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
_MEASURE_AFTER = re.compile(
    r"\s*(?:mg|mcg|µg|g|kg|ml|l|mmol|mmhg|mm|cm|bpm|lbs?|pounds|%|°|degrees|hours|days|years|weeks|a[ñn]os|d[íi]as)\b",
    re.IGNORECASE,
)


def _phones(text: str) -> Iterator[RedactedSpan]:
    for match in _PHONE_CUE.finditer(text):
        if sum(character.isdigit() for character in match.group("id")) >= 7:
            yield RedactedSpan(*match.span("id"), "PHONE")
    if sum(character.isdigit() for character in text) < 7:
        return
    shortened = text[:_MAX_CHARACTERS]
    for region in PHONE_REGIONS:
        for found in PhoneNumberMatcher(shortened, region, leniency=Leniency.VALID, max_tries=200):
            if not _MEASURE_AFTER.match(text, found.end):
                yield RedactedSpan(found.start, found.end, "PHONE")
    for match in re.finditer(
        r"(?<![\w./-])(?:\+\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}(?:\s*(?:x|ext\.?)\s*\d+)?(?![\w/-])", text
    ):
        yield RedactedSpan(*match.span(), "PHONE")
    for match in re.finditer(r"(?<![\w.])\+\d{1,3}[ .-]?(?:\(0\))?[\d .()-]{6,16}\d(?!\w)", text):
        yield RedactedSpan(*match.span(), "PHONE")


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────

_WORD = r"(?:[A-ZÀ-ÞĀ-Ž][\w'’-]+|[A-Z]\.)"
_PARTICLE = r"(?:(?:de|del|de la|de los|la|las|van|von|der|den|di|da|do|dos|du|le|bin|al|el|y|san|mac|o')\s+)?"
_FULL = rf"{_WORD}(?:\s+{_PARTICLE}{_WORD}){{0,3}}"
_TITLE = re.compile(
    rf"\b(?:Drs?|Dra|Mr|Mrs|Ms|Mx|Miss|Prof|Sr|Sra|Srta|Lic|Rev|Nurse|Doctor|Doctora|Don|Do[ñn]a|Se[ñn]or|Se[ñn]ora|Mme|Enfermera|Enfermero)\b\.?\s+(?P<id>{_FULL})"
)
_STRONG_CUE = re.compile(
    r"\b(?i:my (?:full |first |last |legal )?name(?: is|'s|’s|:)|name is|named|the name (?:is|of)|mi nombre(?: completo)? es|me llamo|se llama(?:n)?|llamad[oa]|nombre:|name:|apellidos?:|maiden name is|goes by|signed,?|firmado,?|atentamente,?|sincerely,?|(?:best |kind )?regards,?|saludos,?|yours truly,?|user:|i go by|call me|puede llamarme|on behalf of|appel[ée]e?|je m'appelle|patient name|patient:|paciente:|last name\?|first name\?|your (?:full )?name\?|su nombre\?|tu nombre\?|te llamas\?|se llama usted\?|account\? user:)\s+"
)
_WEAK_CUE = re.compile(
    r"\b(?i:i'm|i’m|im|i am|this is|it's|soy|soy el paciente|soy la paciente|aqu[íi]|habla|le habla|patient|paciente|pt|client|dear|estimad[oa]|hi|hello|hola|hey|given|told|from|by|with|ask|asked|meet|met|saw|see|seen by|thanks|thank you|gracias|my (?:husband|wife|son|daughter|mother|father|mom|mum|dad|brother|sister|friend|baby|partner|uncle|aunt|doctor|nurse)|mi (?:esposo|esposa|marido|mujer|hijo|hija|madre|padre|mam[áa]|pap[áa]|hermano|hermana|amigo|amiga|beb[ée]))\s*,?\s+(?P<id>"
    + _FULL
    + ")"
)
_AFTER_STRONG = re.compile(rf"(?P<id>{_FULL}|[a-zà-ÿ'’-]+(?:\s+[a-zà-ÿ'’-]+)?)")
_INITIAL = re.compile(
    rf"\b(?P<id>[A-ZÀ-Þ][a-zà-ÿ'’-]+(?:\s+{_PARTICLE}[A-ZÀ-Þ][a-zà-ÿ'’-]+)?\s+[A-Z]\.)(?=[\s,;:'’)?!]|$)"
)
_BEFORE_FACTS = re.compile(
    rf"\b(?P<id>{_WORD}(?:\s+{_WORD}){{0,2}})(?=(?:'s|’s)?,?\s*(?:\(|an?\s|aged?\s|de\s)?\s*(?:\d{{1,3}}\s*[- ]?(?:years?|yrs?|y/?o|yo|a[ñn]os)|MRN|DOB|SSN|born\b|nacid[oa]\b|lives (?:on|at)\b|vive en (?:la calle|calle|el n)|\d{{1,3}}(?:yo|y/o|M|F)\b))"
)
_CAPITALS = re.compile(rf"(?<![\w'’])(?P<id>{_WORD}(?:\s+{_PARTICLE}{_WORD}){{0,3}})")
_STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "the",
        "and",
        "or",
        "but",
        "not",
        "very",
        "so",
        "just",
        "i",
        "im",
        "is",
        "are",
        "was",
        "it",
        "in",
        "on",
        "at",
        "of",
        "to",
        "for",
        "with",
        "from",
        "your",
        "my",
        "his",
        "her",
        "their",
        "our",
        "here",
        "there",
        "fine",
        "ok",
        "okay",
        "sick",
        "tired",
        "new",
        "old",
        "sorry",
        "sure",
        "anymore",
        "having",
        "feeling",
        "taking",
        "going",
        "no",
        "yes",
        "been",
        "pregnant",
        "diabetic",
        "worried",
        "un",
        "una",
        "el",
        "la",
        "los",
        "las",
        "y",
        "o",
        "pero",
        "muy",
        "de",
        "del",
        "en",
        "con",
        "para",
        "por",
        "mi",
        "su",
        "tu",
        "es",
        "estoy",
        "tengo",
        "soy",
        "que",
    ]
)


def _names(text: str) -> Iterator[RedactedSpan]:
    for match in _TITLE.finditer(text):
        for name in _name(match.span("id"), text):
            yield RedactedSpan(match.start(), name.end, name.type)
    for cue in _STRONG_CUE.finditer(text):
        after = _AFTER_STRONG.match(text, cue.end())
        if after is None:
            continue
        if after.group("id")[0].islower():
            yield from _lower_case_name(after.span("id"), text)
        else:
            yield from _name(after.span("id"), text)
    for match in _WEAK_CUE.finditer(text):
        words = match.group("id").split()
        if len(words) > 1 or words[0].strip(".,'’").lower() in GIVEN_NAMES:
            yield from _name(match.span("id"), text)
    for expression in (_INITIAL, _BEFORE_FACTS):
        for match in expression.finditer(text):
            yield from _name(match.span("id"), text)
    for match in _CAPITALS.finditer(text):
        parts = list(re.finditer(r"\S+", match.group()))
        given = [part for part in parts if _plain(part.group()) in GIVEN_NAMES]
        if given and not (len(parts) == 1 and _plain(given[0].group()) in ALSO_WORDS):
            yield from _name((match.start() + given[0].start(), match.end()), text)


def _lower_case_name(span: tuple[int, int], text: str) -> Iterator[RedactedSpan]:
    end = None
    for word in re.finditer(r"\S+", text[: span[1]][span[0] :]):
        if word.group() in _STOP_WORDS or word.group() in NOT_NAMES:
            break
        end = word.end()
    if end is not None:
        yield RedactedSpan(span[0], span[0] + end, "NAME")


def _plain(word: str) -> str:
    return re.sub(r"(?:'s|’s)$", "", word).strip(".,'’").replace("’", "'").lower()


def _name(span: tuple[int, int], text: str) -> Iterator[RedactedSpan]:
    """Yield the span, cut at the first word that belongs to medicine or to the sentence; nothing when none is left."""
    start, end = span
    words = [(word.start(), word.group()) for word in re.finditer(r"\S+", text[start:end])]
    while words and _is_no_name(words[0][1]):
        del words[0]
        if len(words) == 1 and re.fullmatch(r"[A-Z]\.", words[0][1]):
            return
    for index, (_, word) in enumerate(words):
        after_given = index > 0 and _plain(words[index - 1][1]) in GIVEN_NAMES
        if _is_no_name(word) and not (after_given and _plain(word) in SURNAMES_TOO):
            words = words[:index]
            break
    if not words or (len(words) == 1 and len(_plain(words[0][1])) < 2 and not words[0][1].endswith(".")):
        return
    offset, last = words[-1]
    stop = start + offset + len(re.sub(r"(?:'s|’s)$", "", last))
    yield RedactedSpan(start + words[0][0], stop, "NAME")


def _is_no_name(word: str) -> bool:
    return not re.fullmatch(r"[A-Z]\.", word) and _plain(word) in NOT_NAMES
