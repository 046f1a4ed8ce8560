"""Finds the names of people in what a patient wrote: after a title or a cue, by the company they keep, and again.

A part of redaction. Three things speak for a name: what stands before it ("my name is", "Dr."), the lists of known names,
and how it is written (two capital words in the middle of a sentence, a line of its own). Words of medicine speak against.
"""

from __future__ import annotations

# ruff: noqa: E501, SIM905 - an expression and a list of words read better as they are spoken
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from careguard.name_words import ALSO_WORDS, EPONYMS, NOT_NAMES, known_names

Span = tuple[int, int]

_UPPER = "".join(chr(code) for code in (*range(0x41, 0x250), *range(0x1E00, 0x1F00)) if chr(code).isupper())
_LETTER = r"[^\W\d_]"
_WORD = rf"(?:[{_UPPER}](?:{_LETTER}|['’-](?={_LETTER}))+|[A-Z]\.|[A-Z](?![\w'’.-]))"
_PARTICLE = r"(?:(?:de la|de los|de las|de|del|la|las|van der|van den|van de|van|von der|von|der|den|di|da|do|dos|du|le|bin|ibn|al|el|y|san|mac|ten|ter|af|av|zu|abu)\s+)?"
_FULL = rf"{_WORD}(?:[ \t]+{_PARTICLE}{_WORD}){{0,3}}"
_LOWER_NAME = rf"(?:[a-zß-ÿ](?:{_LETTER}|['’-](?={_LETTER}))+)"
_RUN = re.compile(rf"(?<![\w'’@./-])(?P<id>{_WORD}(?:[ \t]+{_PARTICLE}{_WORD}){{0,6}})(?![@\w])")
_PART = re.compile(r"\S+")
_OWN = re.compile(r"(?:'s|’s|['’])$")

_TITLE = re.compile(
    rf"\b(?:Drs?|DR|Dra|Mr|MR|Mrs|MRS|Ms|MS|Mx|Miss|Prof|Sr|Sra|Srta|Lic|Rev|Nurse|Doctor|Doctora|Don|Do[ñn]a|Se[ñn]or|Se[ñn]ora|Se[ñn]orita|Mme|Mlle|Monsieur|Madame|Herr|Frau|Enfermera|Enfermero|doctor|doctora|nurse|mr|mrs|ms|mister|miss|prof|professor|dr|dra|sr|sra|srta|don|do[ñn]a|se[ñn]or|se[ñn]ora|licenciad[oa]|enfermer[oa])\b\.?[ \t]+(?P<id>{_FULL})"
)
_LOWER_TITLE = re.compile(
    rf"\b(?i:drs?|dra|mrs?|ms|miss|mister|sra?|srta|prof)\b\.?[ \t]+(?P<id>{_LOWER_NAME}(?:[ \t]+{_LOWER_NAME})?)"
)
_STRONG_CUE = re.compile(
    r"\b(?:my (?:full |first |last |legal |maiden |real )?name(?: is|'s|’s|:)|(?:full |first |last |middle |given |family )?name(?: is|'s|’s|:)|surname(?: is|:)|named (?:him|her|it|me|the baby)|named|the name (?:is|of)|names? on (?:the|my) \w+ (?:is|are)|mi nombre(?: completo)? es|(?:el|la) nombre es|me llamo|se llama(?:n)?|llamad[oa]|nombre:|apellidos?:|maiden name is|goes by|signed,?|firmado,?|atentamente,?|atte\.?,?|sincerely,?|yours (?:truly|faithfully|sincerely),?|(?:best |kind |warm )?regards,?|(?:best|warm) wishes,?|cheers,?|saludos(?: cordiales)?,?|cordialmente,?|un (?:saludo|abrazo),?|cordialement,?|mit freundlichen gr[üu][ßs]+en,?|user:|i go by|calls? me|called me|everyone calls me|puede llamarme|ll[áa]mame|people call me|on behalf of|en nombre de|appel[ée]e?|je m[’']appelle|ich hei[ßs]+e|mein name ist|meu nome [ée]|(?:eu )?me chamo|mi chiamo|patient name|patient:|paciente:|last name\?|first name\?|your (?:full )?name\?|su nombre\?|tu nombre\?|te llamas\?|se llama usted\?|account\? user:|signature:|attn:?|attention:|c/o|directed by:?|written by:?|(?:^|\n)(?:from|to|cc|de|para):)(?:[ \t]+|[ \t]*\n\s*)"
)
_AFTER_STRONG = re.compile(rf"(?P<id>{_FULL}|{_LOWER_NAME}(?:[ \t]+{_LOWER_NAME})?)")
_LOWER_AFTER = frozenset(
    "se llamado llamada named called calls call written directed from to cc attn attn: attention: c/o".split()
)
"""After these a word in small letters is taken for a name only if it is known as one."""
_WEAK_CUE = re.compile(
    r"(?<![\w'’])(?P<cue>(?i:i'm|i’m|im|i am|this is|it's|it’s|soy|soy el paciente|soy la paciente|aqu[íi]|habla|le habla|patient|paciente|pt|client|dear|estimad[oa]|querid[oa]|cher|ch[èe]re|liebe[r]?|name|names|nombre|hi|hello|hola|hey|bonjour|hallo|good (?:morning|afternoon|evening)|buen[oa]s (?:d[íi]as|tardes|noches)|given|told|from|by|with|asked?|meet|met|saw|see|seen by|thanks|thank you|gracias|contact|call(?:ed)?|tell|add|to|for|con|para|a|my (?:husband|wife|son|daughter|mother|father|mom|mum|dad|brother|sister|friend|baby|partner|uncle|aunt|doctor|nurse|boss|neighbou?r|cousin|boyfriend|girlfriend|grandmother|grandfather|grandson|granddaughter|niece|nephew|roommate|gp|midwife|therapist|dentist|pharmacist|dog|cat)|mi (?:esposo|esposa|marido|mujer|hijo|hija|madre|padre|mam[áa]|pap[áa]|hermano|hermana|amigo|amiga|beb[ée]|t[íi][oa]|prim[oa]|abuel[oa]|niet[oa]|sobrin[oa]|novi[oa]|vecin[oa]|doctora?|m[ée]dic[oa])))[ \t]*,?[ \t]+"
    rf"(?P<id>{_FULL})"
)
_BEFORE_ANYTHING = frozenset("from by with to for con para a add given told ask asked im it's it’s this is".split()) | {
    "this is"
}
"""Cues that stand before diseases as often as before people."""
_SAYS_WHO = frozenset(
    ["i am", "i'm", "i’m", "soy", "habla", "le habla", "dear", "estimado", "estimada", "querido", "querida"]
)
"""After these even Parkinson is a person."""
_LOWER_CUE = re.compile(
    r"(?<![\w'’])(?:i'm|i’m|im|i am|this is|soy|habla|hi|hello|hola|dear|with|from|contact|tell|ask|asked|see|saw|meet|met|thanks|gracias|my (?:husband|wife|son|daughter|mother|father|mom|mum|dad|brother|sister|friend|baby|partner|uncle|aunt|boss|neighbou?r|cousin|boyfriend|girlfriend|grandmother|grandfather|grandson|granddaughter|niece|nephew|roommate)|mi (?:esposo|esposa|marido|mujer|hijo|hija|madre|padre|mam[áa]|pap[áa]|hermano|hermana|amigo|amiga|beb[ée]|t[íi][oa]|prim[oa]|abuel[oa]|niet[oa]|sobrin[oa]|novi[oa]))[ \t]*,?[ \t]+"
    rf"(?P<id>{_LOWER_NAME}(?:[ \t]+{_LOWER_NAME})?)(?![\w'’-])"
)
_INITIAL = re.compile(
    rf"(?<![\w'’])(?P<id>[{_UPPER}](?:{_LETTER}|['’-](?={_LETTER}))+(?:[ \t]+{_PARTICLE}[{_UPPER}](?:{_LETTER}|['’-](?={_LETTER}))+)?[ \t]+[A-Z]\.)(?=[\s,;:'’)?!]|$)"
)
_BEFORE_FACTS = re.compile(
    rf"(?<![\w'’])(?P<id>{_WORD}(?:[ \t]+{_WORD}){{0,2}})(?=(?:'s|’s)?,?\s*(?:\(|an?\s|aged?\s|de\s)?\s*(?:\d{{1,3}}\s*[- ]?(?:years?|yrs?|y/?o|yo|a[ñn]os)|MRN|DOB|SSN|born\b|nacid[oa]\b|lives? (?:on|at|in the)\b|vive en (?:la calle|calle|el n)|\d{{1,3}}(?:yo|y/o|M|F)\b|\(\d{{1,3}}[,)]))"
)
_PERSON_BEFORE = frozenset(
    """
    called named says said told asked producer songwriter singer author writer actor actress director player commenter
    teacher guardian founder president captain officer coach judge senator minister
    colleague coworker friend husband wife son daughter mother father brother sister mom mum dad boss neighbor neighbour
    cousin uncle aunt nephew niece partner boyfriend girlfriend grandmother grandfather late doctor nurse surgeon
    therapist midwife mister sir lady
    llamado llamada dice dijo paciente cliente amigo amiga esposo esposa hijo hija madre padre hermano hermana doctor
    """.split()
)
_PERSON_AFTER = re.compile(
    r"(?:['’]s? (?:appointment|address|phone|number|email|e-mail|account|name|house|home|kid|kids|son|daughter|mother|father|mom|dad|wife|husband|brother|sister|birthday|passport|record|records|chart|results?|prescription|doctor|room|song|book|novel|insurance|card|file|mother-in-law|family|bed|surgery date)\b"
    r"|,? (?:says|said|told|tells|explained|explains|wrote|writes|asked|asks|replied|shouted|thinks|wants|lives|lived|worked|moved|married|speaks?|spoke|points? out|pointed out|will be|had given|gave|was born|is from|was from|(?:just )?has to (?!be\b)|is my\b|dice|dijo|vive|trabaja|llam[óo])\b)"
)
_DISEASE = re.compile(
    r"(?:disease|syndrome|disorder|palsy|cysts?|signs?|tests?|contractions?|exercises?|thyroiditis|phenomenon|lymphoma|chorea|ataxia|dementia|o?esophagus|ulcers?|fractures?|hernia|score|scale|scan|stain|man(?:o)?euver|manoeuvre|procedure|operation|surgery|catheter|tube|virus|fever|law|reaction|tumou?rs?|sarcoma|an(?:a)?emia|neuroma|contracture|nodes?|purpura|vasculitis|arteritis|dystrophy|arthropathy|nephropathy|encephalopathy|smear|apple|bacillus|index|criteria|drops|tablets?|capsules?|cream|vaccine|injections?|pills?|spray|inhaler|patch|diet|method|mg|mcg|anomaly|malformation|deficiency|mutation|gene|cells?|glands?|tendon|reflex|triad|stage|paralysis|amaurosis|myopath(?:y|ies)|sequence|congenital|muscular|type|neuropathy|cancer|leuk(?:a)?emia|sclerosis|degeneration|nevus|phototherapy|protein|factor|antigen)",
    re.IGNORECASE,
)
_NAMED_AFTER = re.compile(
    r"(?:['’]s?)?[ -](?:(?:[A-Z][\w-]+|de|du|von|van|and|congenital|familial|muscular|hereditary|like|optic|cell|spotted|neck|plus|retraction|corneal)[ -]){0,3}"
    rf"(?i:{_DISEASE.pattern})(?!\w)"
)
_NAMED_BEFORE = re.compile(
    r"(?:enfermedad|s[íi]ndrome|mal|prueba|signo|par[áa]lisis|maniobra|tiroiditis|linfoma|quiste|tumor|fen[óo]meno|ejercicios|test|es[óo]fago|contracciones|tend[óo]n|m[ée]todo|escala|disease|syndrome) (?:de|of) $",
    re.IGNORECASE,
)
_PLACE_AFTER = re.compile(
    r"[ ,]{1,2}(?:Hospital|Clinic|Clinics|Medical|Health|Center|Centre|University|College|School|Institute|Foundation|Pharmacy|Street|St|Road|Rd|Avenue|Ave|Lane|Drive|County|City|Park|Beach|Valley|Lake|River|Inc|LLC|Ltd|Corp|GmbH|Group|Corporation|Company|Orchestra|Band)\b"
)
_PLACE_BEFORE = re.compile(
    r"\b(?:at|in|near|visit|visiting|to visit|en|hospital|cl[íi]nica|clinic|universidad|ciudad de)\s+$", re.IGNORECASE
)
_AIMED_AT = re.compile(r"\b(?:shouted|yelled|looked|angry|mad|smiled|laughed|screamed) at\s+$")
_SAINT = re.compile(r"\b(?:St|Ste|Sta|Saint|San|Santa|Santo)\b\.?\s+$")
_MEDICINE_BEFORE = re.compile(
    r"\b(?:take|takes|taking|took|taken|on|using|use|used|prescribed|prescribe|mg|mcg|dose|dosage|of|drug|drugs|medicine|medication|vaccine|called|tomar|tomo|toma|tomando|receta\w*|what is|what are|is|are|does|do|can|and|or|than|about|if|poison|interferon|on my|south|north|west|east)\s+$",
    re.IGNORECASE,
)
_DEALT_WITH = re.compile(
    r"\b(?:(?:appointment|meeting|meet|met|talk(?:ed|ing)?|spoke|speak(?:ing)?|lunch|call|chat|follow(?:ed|ing)?[ -]up|check(?:ed)? in|stay(?:ed)?|live|married|letter|message|e-?mail|note|sent|send|given|gave|give|change it|transfer(?:red)?|referred|wrote|written|signed|seen|sung|arranged|directed|recorded|owed|belongs)[ \t]+(?:to|with|for|by|from)|heard|have you heard|named him|named her|add|features?|contact|dear|invite|notify|remind)[ \t]+$",
    re.IGNORECASE,
)
_MEDICAL_ENDING = re.compile(
    r"(?:osis|oses|itis|omas?|a?emia|path(?:y|ies)|tions?|sions?|ency|ancy|omes?|lysis|trophy|plasia|penia|algia|plegia|rrhea|uria|ility|ness|ments?|isms?|ive|ing|ous|ular|inal|ional|ical|atic|etic|otic|rhoid|ary|ectomy|scopy|graphy|mycin|cillin|prazole|statin|mab|nib|vir|sartan|olol|azole|idine|amine|zepam|zolam|gene|toxin|therapy|ers|ies)$"
)
_FAMILY_ENDING = re.compile(
    r"[^\W\d_]{3}(?:sson|sdóttir|sdottir|sdatter|ovich|evich|ovi[cćč]|evi[cćč]|ova|eva|ová|enko|wicz|wski|wska|inski|inska|iński|ińska|czyk|escu|eanu|opoulos|akis|idis|inen|ström|berg|mann|stein|shvili|adze|ovna|evna|ullah|uddin|iev|ieva|ayev|ayeva|nov|kov|lov|rov|hauser|meyer|maier|quist|kvist|gaard|dahl|ansen|ensen|elsen|sens)$"
)
"""How family names end in many languages; none of the words of medicine that people write with a capital does."""
_GREETED = re.compile(
    rf"(?:^|[\n.!?][ \t]*)(?i:hi|hello|dear|hey|hola|estimad[oa]|querid[oa]|thanks|thank you|gracias|good (?:morning|afternoon|evening)|buenos d[íi]as|buenas tardes|buenas noches)[ \t]*,?[ \t]+(?P<id>[{_UPPER}](?:{_LETTER}|['’-](?={_LETTER}))+)[ \t]*(?=[,!.:;\n]|$)"
)
_SAID = re.compile(
    rf"[\"”»][ \t]+(?:says|said|explained|replied|added|asked|wrote|dice|dijo)[ \t]+(?P<id>{_FULL})"
    rf"|\b[Tt]he (?P<family>[{_UPPER}](?:{_LETTER}|-(?={_LETTER}))+) (?:family|families|household|residence|house|home|kids|children|boys|girls|twins|account|novel|book|case file)\b"
)
_RELATIVE = re.compile(
    rf"(?i:\b(?:my|our|his|her|mi|nuestr[oa]|su) (?:husband|wife|son|daughter|mother|father|mom|mum|dad|brother|sister|friend|baby|partner|uncle|aunt|cousin|boyfriend|girlfriend|grandmother|grandfather|grandma|grandpa|grandson|granddaughter|niece|nephew|roommate|neighbou?r|boss|kid|child|twin|esposo|esposa|marido|mujer|hijo|hija|madre|padre|mam[áa]|pap[áa]|hermano|hermana|amigo|amiga|beb[ée]|t[íi][oa]|prim[oa]|abuel[oa]|niet[oa]|sobrin[oa]|novi[oa]|vecin[oa]|pareja))[ \t]*,?[ \t]+(?P<id>{_FULL})"
    r"(?=,? (?:has|is|isn['’]t|was|wasn['’]t|had|hasn['’]t|got|gets|cannot|can['’]t|can|won['’]t|will|keeps|started|woke|fell|feels|felt|needs|who|turned|did|does|doesn['’]t|cries|vomited|swallowed|says|said|and (?:I|me|his|her)|tiene|est[áa]|es|no|fue|se|le|lleva|tuvo|empez[óo]|amaneci[óo]|llora|dice|vomit[óo]|trag[óo])\b|[,.;!?]|\s*$)"
)
_INTRODUCED = re.compile(
    rf"(?i:\bthis is|\bspeaking with|\baqu[íi]|\bhabla)[ \t]+(?P<id>{_WORD}(?:[ \t]+{_PARTICLE}{_WORD}){{1,3}})(?=[.,!\n]|$| (?:from|calling|here|speaking|and I|de|desde|y yo)\b)"
)
_LOWER_PAIR = re.compile(rf"(?<![\w'’@./-])(?P<id>{_LOWER_NAME}(?:[ \t]+[a-z]\.?)?[ \t]+{_LOWER_NAME})(?![\w@-])")
_LOWER_LIST = re.compile(rf"(?<![\w'’-]){_LOWER_NAME}(?:, {_LOWER_NAME})+(?:,? (?:and|y) {_LOWER_NAME})?(?![\w'’-])")
_LABEL = re.compile(rf"^[ \t]*(?P<id>{_WORD}(?:[ \t]+{_WORD})?|{_LOWER_NAME}):(?=[ \t\"“'])", re.MULTILINE)
_JOINED = re.compile(r"[ \t]*,?[ \t]*(?:and|y|e|&|,|or|und|et)[ \t]+")
_STOP_WORDS = frozenset(
    """
    a an the and or but not very so just i im is are was it in on at of to for with from your my his her their our here
    there fine ok okay sick tired new old sorry sure anymore having feeling taking going no yes been pregnant diabetic
    worried un una el la los las y o pero muy de del en con para por mi su tu es estoy tengo soy que has have had said
    says told told visit appointment office gave will would can could he she they we you me him them us dr who what when
    where why how because since after before about again today now later soon please thanks if as
    """.split()
)


@dataclass(frozen=True, slots=True)
class _Run:
    """Capital words that stand side by side, without those that end a name."""

    start: int
    end: int
    words: tuple[str, ...]
    """In small letters, without 's."""


def find_names(text: str) -> Iterator[Span]:
    """Yield where a person is named; spans may overlap."""
    found = [*_after_cues(text), *_by_company(text)]
    found += _in_lists(text, found)
    yield from found
    yield from _again(text, found)


# ── after a title or a cue ───────────────────────────────────────────────────────────────────────────────────


def _after_cues(text: str) -> Iterator[Span]:
    lowered = _in_place_lowered(text)
    for match in _TITLE.finditer(text):
        for start, end in _cut(match.span("id"), text):
            yield match.start() if start == match.start("id") else start, end
    for match in _LOWER_TITLE.finditer(text):
        if _is_family_name(match.group("id").split()[0]):
            yield match.start(), match.start("id") + len(match.group("id").split()[0])
    for cue in _STRONG_CUE.finditer(lowered):
        after = _AFTER_STRONG.match(text, cue.end())
        if after is None:
            continue
        if not after.group("id")[0].islower():
            yield from (span for span in _cut(after.span("id"), text) if not _is_called_so(cue.group(), span, text))
        elif cue.group().split()[0].lower() not in _LOWER_AFTER or _is_given_name(after.group("id").split()[0]):
            yield from _lower_case_name(after.span("id"), text)
    for match in _WEAK_CUE.finditer(text):
        for span in _cut(match.span("id"), text):
            words = _plain_words(text[span[0] : span[1]])
            known = any(_is_given_name(word) or _is_family_name(word) for word in words)
            personal = match.group("cue").lower() not in _BEFORE_ANYTHING and _is_unknown_pair(words)
            says_so = match.group("cue").lower() in _SAYS_WHO and span[0] == match.start("id")
            says_so = says_so and not text[span[0] : span[1]].isupper() and not _NAMED_AFTER.match(text, span[1])
            if (known or personal) and (says_so or not _is_medicine(span, words, text)):
                yield span
    for match in _GREETED.finditer(text):
        yield from _cut(match.span("id"), text)
    for expression in (_RELATIVE, _INTRODUCED):
        for match in expression.finditer(text):
            yield from (span for span in _cut(match.span("id"), text) if _is_nothing_else(span, match.string))
    for match in _LOWER_CUE.finditer(lowered):
        if text[match.start("id")].islower():
            yield from _known_lower_case_name(match.span("id"), text)
    for expression in (_INITIAL, _BEFORE_FACTS):
        for match in expression.finditer(text):
            yield from _cut(match.span("id"), text)
    if text.islower():
        yield from _in_small_letters(text)


def _is_called_so(cue: str, span: Span, text: str) -> bool:
    """Return whether it is a thing that is called so: "something called Charcot Marie Tooth disease"."""
    words = _plain_words(text[span[0] : span[1]])
    letters = [letter for letter in text[span[0] : span[1]] if letter.isalpha()]
    abbreviated = sum(map(str.isupper, letters)) * 2 > len(letters) and not _is_written_in_capitals(text)
    is_a_thing = abbreviated or _is_medicine(span, words, text) or any(_MEDICAL_ENDING.search(word) for word in words)
    return is_a_thing and re.search(r"\b(?:named|called|calls?|llamad[oa]|llama)\b", cue, re.IGNORECASE) is not None


def _is_nothing_else(span: Span, text: str) -> bool:
    """Return whether capital words after a relative or "this is" can only be who it is."""
    words = _plain_words(text[span[0] : span[1]])
    capital = all(not word.isupper() or len(word) < 2 for word in text[span[0] : span[1]].split())
    return capital and not _is_medicine(span, words, text) and not any(map(_MEDICAL_ENDING.search, words))


def _lower_case_name(span: Span, text: str) -> Iterator[Span]:
    end = None
    for word in _PART.finditer(text[: span[1]][span[0] :]):
        if word.group() in _STOP_WORDS or word.group() in NOT_NAMES:
            break
        end = word.end()
    if end is not None:
        yield span[0], span[0] + end


def _known_lower_case_name(span: Span, text: str) -> Iterator[Span]:
    words = [(word.start(), word.end(), word.group()) for word in _PART.finditer(text[: span[1]][span[0] :])]
    if not _is_given_name(words[0][2]):
        return
    last = words[0]
    if len(words) > 1 and words[1][2] not in _STOP_WORDS | NOT_NAMES | ALSO_WORDS and _is_family_name(words[1][2]):
        last = words[1]
    yield span[0], span[0] + last[1]


def _in_small_letters(text: str) -> Iterator[Span]:
    """Yield a known given name beside a known family name, and lists of given names, where nobody used the shift key."""
    position = 0
    while match := _LOWER_PAIR.search(text, position):
        first, *_, last = match.group("id").split()
        position = match.start() + len(first)
        if _is_given_name(first) and _is_family_name(last) and last not in _STOP_WORDS:
            yield match.span("id")
    for match in re.finditer(_LOWER_NAME, text):
        if _PERSON_AFTER.match(text, match.end()) and _is_given_name(match.group()):
            yield match.span()
    for listed in _LOWER_LIST.finditer(text):
        names = [match for match in re.finditer(_LOWER_NAME, listed.group()) if match.group() not in {"and", "y"}]
        known = [match for match in names if _is_given_name(match.group())]
        if len(known) > 2 and len(known) > 0.6 * len(names):
            yield from ((listed.start() + match.start(), listed.start() + match.end()) for match in names)


# ── by the lists, and by the company they keep ───────────────────────────────────────────────────────────────


def _by_company(text: str) -> Iterator[Span]:
    shouted = _is_written_in_capitals(text)
    own_lines = _lines_of_their_own(text)
    for match in _SAID.finditer(text):
        yield from _cut(match.span("id" if match.group("id") else "family"), text)
    for run in _runs(text):
        span = (run.start, run.end)
        if _is_medicine(span, run.words, text):
            continue
        speaks_for_it = _is_known(run, text) or span in own_lines
        if speaks_for_it or (not shouted and (_has_middle_initial(run) or _keeps_company(run, text))):
            yield span
    labels = [match.span("id") for match in _LABEL.finditer(text)]
    speakers = [span for span in labels if not set(_plain_words(text[span[0] : span[1]])) & NOT_NAMES]
    if len(speakers) > 1 and any(_plain(text[start:end]) in known_names().given for start, end in speakers):
        yield from speakers


def _runs(text: str) -> Iterator[_Run]:
    """Yield capital words side by side, cut at each word that is no part of a name."""
    known = known_names()
    for match in _RUN.finditer(text):
        words: list[tuple[int, int, str]] = []
        for part in _PART.finditer(match.group()):
            word = _plain(part.group())
            start, end = match.start() + part.start(), match.start() + part.end()
            own = _OWN.search(part.group())
            after_given = bool(words) and words[-1][2] in known.given
            ends_a_name = word in NOT_NAMES and not (len(part.group()) == 2 and part.group()[1] == ".")
            if ends_a_name and not (after_given and word in ALSO_WORDS):
                yield from _run_of(words)
                words = []
                continue
            words.append((start, end - (len(own.group()) if own else 0), word))
            if own:
                yield from _run_of(words)
                words = []
        yield from _run_of(words)


def _run_of(words: Sequence[tuple[int, int, str]]) -> Iterator[_Run]:
    words = list(words)
    while words and len(words[0][2]) < 2 and len(words) < 3:
        del words[0]
    if words and not all(len(word) < 2 for _, _, word in words):
        yield _Run(words[0][0], words[-1][1], tuple(word for _, _, word in words))


def _is_known(run: _Run, text: str) -> bool:
    """Return whether the lists speak for it: a given name alone, or any name beside another capital word."""
    known = known_names()
    long_words = [word for word in run.words if len(word) > 1]
    if _PLACE_AFTER.match(text, run.end) and not set(long_words) & (known.given - ALSO_WORDS):
        return False
    if _SAINT.search(text[: run.start][-7:]):
        return False
    if len(run.words) == 1:
        word = long_words[0]
        if text[run.start : run.end].isupper() or word in EPONYMS:
            return False
        return _is_given_name(word) or (
            _is_amid(run, text) and (word in known.given or _FAMILY_ENDING.search(word) is not None)
        )
    if any(_is_given_name(word) for word in long_words):
        return True
    if any(_is_family_name(word) for word in long_words):
        return not _PLACE_BEFORE.search(text[: run.start][-16:]) and _is_capital(run, text)
    return (
        long_words[0] in known.given
        and len(long_words) > 1
        and long_words[-1] in known.family
        and _is_capital(run, text)
    )


def _is_amid(run: _Run, text: str) -> bool:
    """Return whether the word has its capital letter for no other reason than being a name."""
    return (
        not _starts_sentence(run.start, text)
        and (not _PLACE_BEFORE.search(text[: run.start][-16:]) or _AIMED_AT.search(text[: run.start][-16:]) is not None)
        and not _MEDICINE_BEFORE.search(text[: run.start][-16:])
        and not _is_written_in_capitals(text)
    )


def _is_capital(run: _Run, text: str) -> bool:
    """Return whether the words have one capital letter each: SHOUTING and ABBREVIATIONS do not count."""
    return all(len(word) < 3 or not word.isupper() for word in text[run.start : run.end].split())


def _has_middle_initial(run: _Run) -> bool:
    return (
        len(run.words) > 2
        and len(run.words[0]) > 1
        and len(run.words[-1]) > 1
        and any(len(word) == 1 for word in run.words)
    )


def _keeps_company(run: _Run, text: str) -> bool:
    """Return whether the words around tell of a person: "says Kaczmarek", "Kaczmarek’s address", "my boss Kaczmarek"."""
    if any(len(word) < 2 for word in run.words) or not _is_capital(run, text):
        return False
    before = re.search(r"([\w'’]+)[ \t]+$", text[: run.start][-30:])
    said_before = before is not None and before.group(1).lower() in _PERSON_BEFORE
    told_after = _PERSON_AFTER.match(text, run.end) is not None
    if len(run.words) == 1:
        word = run.words[0]
        if word in EPONYMS or _MEDICAL_ENDING.search(word):
            return False
        if word in ALSO_WORDS:
            return told_after and word in known_names().given
        return told_after or (said_before and word in known_names().family)
    starts = _starts_sentence(run.start, text)
    owns = re.match(r"['’]s? ", text[run.end : run.end + 3]) is not None and not any(
        map(_MEDICAL_ENDING.search, run.words)
    )
    from_there = re.match(rf" (?:is |was )?from [{_UPPER}]", text[run.end : run.end + 12]) is not None
    return (
        told_after
        or said_before
        or (owns and not starts)
        or from_there
        or (not starts and not _MEDICINE_BEFORE.search(text[: run.start][-16:]) and _stands_like_a_person(run, text))
    )


def _stands_like_a_person(run: _Run, text: str) -> bool:
    """Return whether two unknown capital words in mid-sentence end a phrase in which one gives, owes or writes to them."""
    if _PLACE_AFTER.match(text, run.end) or any(_MEDICAL_ENDING.search(word) for word in run.words):
        return False
    return _DEALT_WITH.search(text[: run.start][-40:]) is not None


def _starts_sentence(start: int, text: str) -> bool:
    before = text[:start].rstrip(" \t\"“”'(¿¡")
    return not before or before[-1] in ".!?:;\n"


def _is_medicine(span: Span, words: Sequence[str], text: str) -> bool:
    """Return whether the words name a disease, a sign or a test and not a patient."""
    parts = [part for word in words for part in word.split("-") if len(part) > 1]
    eponyms = sum(part in EPONYMS for part in parts)
    if eponyms == len(parts) or (eponyms > 1 and all(part in EPONYMS | ALSO_WORDS for part in parts)):
        return True
    if len(words) > 1 and words[0] in EPONYMS - known_names().given:
        return True
    if len(words) > 1 and any(_DISEASE.fullmatch(word) for word in words[1:]):
        return True
    return bool(_NAMED_AFTER.match(text, span[1]) or _NAMED_BEFORE.search(text[: span[0]][-24:]))


def _lines_of_their_own(text: str) -> set[Span]:
    """Return lines of two to four capital words in a text of several lines: a letter's head or its end."""
    if text.count("\n") < 2:
        return set()
    lines = set()
    for line in re.finditer(rf"^[ \t]*(?P<id>{_WORD}(?:[ \t]+{_PARTICLE}{_WORD}){{1,3}})[ \t]*,?$", text, re.MULTILINE):
        words = _plain_words(line.group("id"))
        if not any(word in NOT_NAMES for word in words) and not line.group("id").isupper():
            lines.add(line.span("id"))
    return lines


def _is_written_in_capitals(text: str) -> bool:
    """Return whether capitals say nothing here, because nearly every word has one."""
    words = re.findall(rf"{_LETTER}{{3,}}", text)
    return len(words) > 4 and sum(word[0].isupper() for word in words) > 0.75 * len(words)


def _in_lists(text: str, found: Sequence[Span]) -> list[Span]:
    """Return the capital words that stand in a list with a name: "Hannah, Gaetane and Derek"."""
    runs = {run.start: run for run in _runs(text) if len(run.words) < 3}
    named = set(found)
    family = known_names().family
    ordered = sorted(runs.values(), key=lambda run: run.start)
    group: list[_Run] = []
    more: list[Span] = []
    for run in [*ordered, None]:
        joined = run is not None and group and _JOINED.fullmatch(text, group[-1].end, run.start) is not None
        if group and not joined:
            known = sum((one.start, one.end) in named for one in group)
            families = [one.words[0] for one in group if len(one.words) == 1 and one.words[0] in family]
            diseases = any(_NAMED_AFTER.match(text, one.end) for one in group)
            surnames = len(group) > 2 and len(families) > 1 and not all(word in EPONYMS for word in families)
            if len(group) > 1 and not diseases and (known or surnames):
                more += [(one.start, one.end) for one in group]
            group = []
        if run is not None:
            group.append(run)
    return [span for span in more if span not in named]


def _again(text: str, found: Sequence[Span]) -> Iterator[Span]:
    """Yield the other places of a name that was found once: whoever signs with it is also called by it."""
    words = {
        word
        for start, end in found
        for word in _plain_words(text[start:end])
        if len(word) > 2 and word not in NOT_NAMES | ALSO_WORDS | EPONYMS | _STOP_WORDS
    }
    if not words:
        return
    ways = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    for match in re.finditer(rf"(?<![\w@./-])(?:{ways})(?![\w@/-])", text, re.IGNORECASE):
        if match.group()[0].isupper() and not _is_medicine(match.span(), (match.group().lower(),), text):
            yield match.span()


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────


def _in_place_lowered(text: str) -> str:
    """Return the text in small letters, each at the place of the letter that it was."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)


def _plain(word: str) -> str:
    return _OWN.sub("", word).strip(".,'’").replace("’", "'").lower()


def _plain_words(text: str) -> list[str]:
    return [_plain(word) for word in text.split()]


def _is_given_name(word: str) -> bool:
    word = _plain(word)
    given = known_names().given
    known = word in given or ("-" in word and all(part in given for part in word.split("-")))
    return known and word not in ALSO_WORDS and word not in EPONYMS


def _is_family_name(word: str) -> bool:
    word = _plain(word)
    return word in known_names().family and word not in ALSO_WORDS


def _is_unknown_pair(words: Sequence[str]) -> bool:
    return len([word for word in words if len(word) > 1]) > 1 and not all(word in EPONYMS for word in words)


def _cut(span: Span, text: str) -> Iterator[Span]:
    """Yield the span, cut at the first word that belongs to medicine or to the sentence; nothing when none is left."""
    start, end = span
    known = known_names()
    words = [(word.start(), word.group()) for word in _PART.finditer(text[start:end])]
    while words and _is_no_name(words[0][1]):
        del words[0]
        if len(words) == 1 and re.fullmatch(r"[A-Z]\.", words[0][1]):
            return
    for index, (_, word) in enumerate(words):
        after_given = index > 0 and _plain(words[index - 1][1]) in known.given
        if _is_no_name(word) and not (after_given and _plain(word) in ALSO_WORDS):
            words = words[:index]
            break
    if not words or (len(words) == 1 and len(_plain(words[0][1])) < 2 and not words[0][1].endswith(".")):
        return
    offset, last = words[-1]
    yield start + words[0][0], start + offset + len(_OWN.sub("", last))


def _is_no_name(word: str) -> bool:
    return not re.fullmatch(r"[A-Z]\.", word) and _plain(word) in NOT_NAMES
