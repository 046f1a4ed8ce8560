"""Loads the rules that clinicians own and the wordings that translators own, and refuses whatever is not whole.

Stands at the start: a rule without a source, a wording in every language or an approved reply stops the process with
the file, the line and the remedy. After that the rulebook never changes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from careguard.context import Answers, Context, CueKind, CuePatterns, Doubt
from careguard.errors import DataFileError
from careguard.normalise import fold
from careguard.patterns import Pattern, PatternBook, PatternError, PatternSet
from careguard.stems import stop_words
from careguard.strict_yaml import read_yaml
from careguard.verdict import Decision, Level

_RULE_KEYS = {
    "id", "meaning", "level", "category", "decision", "say", "tell", "source", "in_force", "review_due", "reviewed_by",
    "cancelled_by", "precedence", "ended", "ask",
}  # fmt: skip
_REQUIRED_KEYS = ("id", "meaning", "level", "category", "source", "in_force", "review_due")
_SOURCE_KEYS = {"publisher", "document", "section", "url"}
_WORDING_KEYS = {"says", "possible", "several", "not_when"}
_CONTEXT_KEYS = {
    "stops", "list_words", "restarts", "personal", "idioms", "doubt", "answers", *(kind.value for kind in CueKind),
}  # fmt: skip
_CUE_KEYS = {"after", "sentence", "unless", "always", "question"}
_DOUBT_KEYS = {"old", "advice", "now"}
_ANSWER_KEYS = {"yes", "no"}
_TELL = {"care_team", "nobody"}
_DEFAULT_PRECEDENCE = 50


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule comes from, so that a clinician can check it."""

    publisher: str
    document: str
    section: str | None
    url: str


@dataclass(frozen=True, slots=True)
class Rule:
    """One red flag, crisis sign, boundary or attack: what it means and what must happen."""

    id: str
    meaning: str
    level: Level
    category: str
    decision: Decision
    say: str | None
    tell: str
    source: Source
    in_force: date
    review_due: date
    reviewed_by: str | None
    cancelled_by: frozenset[CueKind]
    precedence: int
    """Among rules of one level the smallest number gives category and reply."""
    ended: date | None
    ask: str | None
    """The reply that asks for the one fact that decides, where the words leave it open; None: never in doubt."""
    path: Path
    line: int | None


@dataclass(frozen=True, slots=True)
class Several:
    """A rule that fires when at least so many different signs of a list stand in the message."""

    at_least: int
    signs: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class Wording:
    """How patients say one rule in one language."""

    rule: Rule
    says: tuple[Pattern, ...]
    possible: tuple[Pattern, ...]
    """Weak wordings: they make the bot ask for the one fact that decides, and never fire by themselves."""
    several: tuple[Several, ...]
    not_when: tuple[Pattern, ...]


@dataclass(frozen=True, slots=True)
class LanguageWordings:
    """Everything that one language brings to screening."""

    language: str
    book: PatternBook
    context: Context
    wordings: tuple[Wording, ...]
    owners: Mapping[int, int]
    """Which wording (its place in `wordings`) each pattern belongs to, by the pattern's number."""
    vocabulary: frozenset[str]
    """The words of its wordings, and those that stand in any sentence of the language."""

    def knows(self, word: str) -> bool:
        """Say whether the word may be one of this language."""
        return word in self.vocabulary


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules with their wordings in every shipped language; complete and checked."""

    rules: Mapping[str, Rule]
    categories: Mapping[str, str]
    languages: tuple[LanguageWordings, ...] = field(default=())


def load_rulebook(guardrails: Path, locales: Path, languages: Sequence[str] | None = None) -> Rulebook:
    """Return the whole rulebook; with `languages` None, in every language that has a red_flags.yaml.

    Raises:
        DataFileError: A file is missing or wrong, a category or reply is unknown, a date or source is missing or bad,
            or a rule has no wording in a language.
    """
    categories = _load_categories(guardrails / "rules" / "categories.yaml")
    replies = _load_reply_ids(locales)
    rules: dict[str, Rule] = {}
    for path in sorted((guardrails / "rules").glob("*.yaml")):
        if path.name == "categories.yaml":
            continue
        for rule in _load_rules(path, categories, replies):
            if rule.id in rules:
                raise DataFileError(
                    path, f"the rule {rule.id} is also in {rules[rule.id].path}; rename one", line=rule.line
                )
            rules[rule.id] = rule
    if not rules:
        raise DataFileError(guardrails / "rules", "there are no rules; restore the folder")
    if languages is None:
        languages = sorted(path.parent.name for path in (locales / "languages").glob("*/red_flags.yaml"))
    if not languages:
        raise DataFileError(locales / "languages", "no language has a red_flags.yaml; restore one")
    loaded = tuple(_load_language(locales / "languages" / tag / "red_flags.yaml", tag, rules) for tag in languages)
    real_words: frozenset[str] = frozenset().union(
        _topic_words(locales), *(language.book.exact_words() for language in loaded)
    )
    for language in loaded:
        language.book.add_real_words(real_words)
    return Rulebook(rules=rules, categories=categories, languages=loaded)


def overdue_reviews(rulebook: Rulebook, today: date) -> list[Rule]:
    """Return the rules whose review was due before `today`, the longest overdue first."""
    overdue = [rule for rule in rulebook.rules.values() if rule.review_due < today and rule.ended is None]
    return sorted(overdue, key=lambda rule: rule.review_due)


def _topic_words(locales: Path) -> frozenset[str]:
    """Return the words of the reviewed topics: real words, so none of them is another word misspelt."""
    paths = (locales / "languages").glob("*/topics/*.md")
    texts = (fold(path.read_text(encoding="utf-8")) for path in paths)
    return frozenset(word for text in texts for word in re.findall(r"[^\W\d_]{5,}", text))


def _load_categories(path: Path) -> dict[str, str]:
    data = read_yaml(path)
    categories = data.get("categories") if isinstance(data, dict) else None
    if not isinstance(categories, dict) or not all(isinstance(meaning, str) for meaning in categories.values()):
        raise DataFileError(path, "write `categories:` with one `name: meaning` a line")
    return dict(categories)


def _load_reply_ids(locales: Path) -> frozenset[str]:
    ids: set[str] = set()
    path = locales / "emergency_replies.yaml"
    for catalogue in (path, locales / "replies.yaml"):
        if catalogue != path and not catalogue.exists():
            continue
        data = read_yaml(catalogue)
        replies = data.get("replies") if isinstance(data, dict) else None
        if not isinstance(replies, dict):
            raise DataFileError(catalogue, "write `replies:` with one reply id a line")
        ids.update(replies)
    return frozenset(ids)


def _load_rules(path: Path, categories: Mapping[str, str], replies: frozenset[str]) -> list[Rule]:
    data = read_yaml(path)
    entries = data.get("rules") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not entries:
        raise DataFileError(path, "write `rules:` with a list of rules below it")
    text = path.read_text(encoding="utf-8")
    return [_load_rule(entry, path, text, categories, replies) for entry in entries]


def _load_rule(entry: Any, path: Path, text: str, categories: Mapping[str, str], replies: frozenset[str]) -> Rule:
    if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
        raise DataFileError(path, "every rule needs an `id:` of letters and underscores")
    rule_id = entry["id"]
    line = _line_of(text, rf"^\s*-?\s*id:\s*['\"]?{re.escape(rule_id)}['\"]?\s*$")

    def wrong(problem: str) -> DataFileError:
        return DataFileError(path, f"rule {rule_id}: {problem}", line=line)

    unknown = set(entry) - _RULE_KEYS
    if unknown:
        raise wrong(f"unknown key {', '.join(sorted(map(str, unknown)))}; correct the spelling or remove it")
    for key in _REQUIRED_KEYS:
        if entry.get(key) in (None, ""):
            raise wrong(f"`{key}` is missing; add it")
    if entry["level"] not in {level.value for level in Level}:
        raise wrong(f"level {entry['level']!r} is unknown; write emergency, urgent or none")
    if entry["category"] not in categories:
        raise wrong(f"category {entry['category']!r} is unknown; correct it or add it to categories.yaml")
    level = Level(entry["level"])
    decision = Decision.REFUSE if level is Level.NONE else Decision.ESCALATE
    if entry.get("decision", decision.value) != decision.value:
        raise wrong(f"level {level.value} means decision {decision.value}; correct one of the two")
    say = entry.get("say")
    if say is None and decision is Decision.ESCALATE:
        raise wrong("`say` is missing; name the approved reply")
    if say is not None and say not in replies:
        raise wrong(f"reply {say!r} is unknown; correct it or add it to locales/emergency_replies.yaml")
    if entry.get("tell", "care_team") not in _TELL:
        raise wrong(f"tell {entry['tell']!r} is unknown; write care_team or nobody")
    in_force, review_due = (_date(entry[key], key, wrong) for key in ("in_force", "review_due"))
    if review_due <= in_force:
        raise wrong("`review_due` is not after `in_force`; correct the dates")
    return Rule(
        id=rule_id,
        meaning=str(entry["meaning"]),
        level=level,
        category=entry["category"],
        decision=decision,
        say=say,
        tell=entry.get("tell", "care_team"),
        source=_source(entry["source"], wrong),
        in_force=in_force,
        review_due=review_due,
        reviewed_by=entry.get("reviewed_by"),
        cancelled_by=_cancelled_by(entry.get("cancelled_by"), decision, wrong),
        precedence=int(entry.get("precedence", _DEFAULT_PRECEDENCE)),
        ended=_date(entry["ended"], "ended", wrong) if entry.get("ended") else None,
        ask=_ask(entry.get("ask"), decision, replies, wrong),
        path=path,
        line=line,
    )


def _ask(value: Any, decision: Decision, replies: frozenset[str], wrong: Callable[[str], DataFileError]) -> str | None:
    if value is None:
        return None
    if value not in replies:
        raise wrong(f"the question {value!r} is unknown; correct `ask` or add the reply to locales/replies.yaml")
    if decision is not Decision.ESCALATE:
        raise wrong("only a rule that calls people may `ask`; remove it")
    return str(value)


def _source(value: Any, wrong: Callable[[str], DataFileError]) -> Source:
    if not isinstance(value, dict) or set(value) - _SOURCE_KEYS:
        raise wrong("`source` must have publisher, document, section and url")
    for key in ("publisher", "document", "url"):
        if not isinstance(value.get(key), str) or not value[key].strip():
            raise wrong(f"the source has no {key}; add it")
    if not value["url"].startswith("https://"):
        raise wrong("the source's url must begin with https://")
    return Source(value["publisher"], value["document"], value.get("section"), value["url"])


def _date(value: Any, key: str, wrong: Callable[[str], DataFileError]) -> date:
    if type(value) is date:
        return value
    raise wrong(f"`{key}` is {value!r}; write a date such as 2026-11-24")


def _cancelled_by(value: Any, decision: Decision, wrong: Callable[[str], DataFileError]) -> frozenset[CueKind]:
    if value is None:
        return frozenset(CueKind) if decision is Decision.ESCALATE else frozenset()
    known = {kind.value for kind in CueKind}
    if not isinstance(value, list) or set(value) - known:
        raise wrong(f"`cancelled_by` must be a list of {', '.join(sorted(known))}")
    return frozenset(CueKind(kind) for kind in value)


def _load_language(path: Path, tag: str, rules: Mapping[str, Rule]) -> LanguageWordings:
    data = read_yaml(path)
    if not isinstance(data, dict) or data.get("language") != tag:
        raise DataFileError(path, f"write `language: {tag}` on top; it must be the name of the folder")
    text = path.read_text(encoding="utf-8")
    reader = _LanguageReader(path, text)
    book = reader.read_book(data, tag)
    context = reader.read_context(book, data.get("context") or {})
    wordings = reader.read_wordings(book, data.get("rules"), rules)
    owners = {
        pattern.number: place
        for place, wording in enumerate(wordings)
        for pattern in (
            *wording.says,
            *wording.possible,
            *(sign for several in wording.several for sign in several.signs),
        )
    }
    vocabulary = book.exact_words() | stop_words(tag)
    return LanguageWordings(tag, book, context, wordings, owners, vocabulary)


class _LanguageReader:
    """Reads one red_flags.yaml; every complaint names its line where it can be found."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._text = text

    def read_book(self, data: Mapping[str, Any], language: str) -> PatternBook:
        book = PatternBook(
            not_misspelt=self._texts(data.get("not_misspelt") or [], "not_misspelt"),
            common=stop_words(language),
            courtesy=self._texts(data.get("courtesy") or [], "courtesy"),
            respelt=self._respelt(data.get("respelt") or {}),
            language=language,
        )
        groups = data.get("groups") or {}
        if not isinstance(groups, dict):
            raise self._wrong("`groups` must be `name: [wordings]`", "groups")
        for name, wordings in groups.items():
            try:
                book.add_group(str(name), self._texts(wordings, str(name)))
            except PatternError as error:
                raise self._wrong(f"group {name}: {error}", str(name)) from None
        return book

    def _respelt(self, value: Any) -> dict[str, list[str]]:
        if not isinstance(value, dict) or not all(isinstance(word, str) for word in value):
            raise self._wrong("`respelt` must be `spelling: [words]`; put yes, no and numbers into quotes", "respelt")
        return {word: self._texts(means, word) for word, means in value.items()}

    def read_context(self, book: PatternBook, data: Mapping[str, Any]) -> Context:
        if not isinstance(data, dict) or set(data) - _CONTEXT_KEYS:
            raise self._wrong(f"`context` may have {', '.join(sorted(_CONTEXT_KEYS))}", "context")
        cues: dict[CueKind, CuePatterns] = {}
        for kind in CueKind:
            entry = data.get(kind.value) or {}
            if not isinstance(entry, dict) or set(entry) - _CUE_KEYS:
                raise self._wrong(f"{kind.value} may have {', '.join(sorted(_CUE_KEYS))}", kind.value)
            cues[kind] = CuePatterns(**{key: self._set(book, entry.get(key), kind.value) for key in _CUE_KEYS})
        return Context(
            cues=cues,
            **{
                key: self._set(book, data.get(key), key)
                for key in ("stops", "list_words", "restarts", "personal", "idioms")
            },
            doubt=Doubt(**self._sets(book, data, "doubt", _DOUBT_KEYS)),
            answers=Answers(**self._sets(book, data, "answers", _ANSWER_KEYS)),
        )

    def _sets(self, book: PatternBook, data: Mapping[str, Any], name: str, keys: set[str]) -> dict[str, PatternSet]:
        entry = data.get(name) or {}
        if not isinstance(entry, dict) or set(entry) - keys:
            raise self._wrong(f"{name} may have {', '.join(sorted(keys))}", name)
        return {key: self._set(book, entry.get(key), name) for key in keys}

    def read_wordings(self, book: PatternBook, data: Any, rules: Mapping[str, Rule]) -> tuple[Wording, ...]:
        if not isinstance(data, dict):
            raise self._wrong("write `rules:` with one rule id a line", "rules")
        for rule_id in data:
            if rule_id not in rules:
                raise self._wrong(f"there is no rule {rule_id}; correct the id or add the rule", str(rule_id))
        wordings = []
        for rule in rules.values():
            if rule.ended is not None:
                continue
            entry = data.get(rule.id)
            if not isinstance(entry, dict) or not (entry.get("says") or entry.get("several")):
                raise self._wrong(f"the rule {rule.id} has no wording in this language; add `says:` for it", rule.id)
            if set(entry) - _WORDING_KEYS:
                raise self._wrong(f"rule {rule.id} may have {', '.join(sorted(_WORDING_KEYS))}", rule.id)
            if entry.get("possible") and rule.ask is None:
                raise self._wrong(f"the rule {rule.id} has `possible` wordings and no `ask`; add the question", rule.id)
            several = entry.get("several") or []
            wordings.append(
                Wording(
                    rule=rule,
                    says=self._patterns(book, entry.get("says") or [], rule.id),
                    possible=self._patterns(book, entry.get("possible") or [], rule.id),
                    several=tuple(self._several(book, one, rule.id) for one in several),
                    not_when=self._patterns(book, entry.get("not_when") or [], rule.id),
                )
            )
        return tuple(wordings)

    def _several(self, book: PatternBook, entry: Any, rule_id: str) -> Several:
        if not isinstance(entry, dict) or set(entry) != {"at_least", "of"} or not isinstance(entry["at_least"], int):
            raise self._wrong(f"rule {rule_id}: write several as `- at_least: 3` and `of: [signs]`", rule_id)
        signs = self._patterns(book, entry["of"], rule_id)
        if not 1 <= entry["at_least"] <= len(signs):
            raise self._wrong(f"rule {rule_id}: at_least must lie between 1 and the number of signs", rule_id)
        return Several(entry["at_least"], signs)

    def _set(self, book: PatternBook, wordings: Any, name: str) -> PatternSet:
        return PatternSet.of(self._patterns(book, wordings or [], name))

    def _patterns(self, book: PatternBook, wordings: Any, name: str) -> tuple[Pattern, ...]:
        compiled = []
        for wording in self._texts(wordings, name):
            try:
                compiled.append(book.compile(wording))
            except PatternError as error:
                raise self._wrong(f"{name}: {error}", wording) from None
        return tuple(compiled)

    def _texts(self, value: Any, name: str) -> list[str]:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(f"{name} must be a list of wordings; put numbers and signs into quotes", name)
        return value

    def _wrong(self, problem: str, near: str) -> DataFileError:
        line = _line_of(self._text, rf"^\s*{re.escape(near)}:") or _line_of(self._text, re.escape(near))
        return DataFileError(self._path, problem, line=line)


def _line_of(text: str, expression: str) -> int | None:
    found = re.search(expression, text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else None
