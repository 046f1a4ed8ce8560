"""Tries the meaning layer on sentences it has not seen: chooses thresholds on the written costs, and counts.

Beside the line, in training only. What is counted is the verdict of the whole layer: pieces, first look, stops, levels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from careguard.context import CueKind
from careguard.logistic import Array
from careguard.meaning_rows import Table
from careguard.meanings import STOPPED_SHARE, STOPPING, Thresholds
from careguard.rulebook import Rulebook
from careguard.screen import screen
from careguard.sentences import HIT_STYLES, Sentence
from careguard.signs import NAMES
from careguard.verdict import Level

PLAIN_STYLES = frozenset({"dialogue", "health_questions", "off_topic", "letters", "medicines", "idioms", "chat"})
EMERGENCY_SHARE = 0.35
"""Missing an emergency is far worse than taking the urgent for one, so a third of the trouble is enough."""
_ACT = np.round(np.arange(0.30, 0.96, 0.01), 2)
_ASK = np.round(np.arange(0.10, 0.96, 0.01), 2)
_Z_95 = 1.959963984540054

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Trial:
    """What the layer makes of every sentence and variant, by a model that has not seen it."""

    texts: tuple[tuple[int, str], ...]
    """Sentence and variant of each text."""
    sentences: Sequence[Sentence]
    odds: Array
    """Of the first look, of the likeliest piece."""
    trouble: Array
    emergency: Array
    lexical: npt.NDArray[np.int64]
    """The level that the wordings give, as a rank; -1 stands for a question asked."""
    right_kind: Flags

    @classmethod
    def of(cls, table: Table, sentences: Sequence[Sentence], shares: Array, odds: Array, rulebook: Rulebook) -> Trial:
        """Return the trial of all texts; a text of several pieces counts as its most troubled one."""
        urgent = np.array([meaning.endswith(f":{Level.URGENT.value}") for meaning in table.meanings])
        at_once = np.array([meaning.endswith(f":{Level.EMERGENCY.value}") for meaning in table.meanings])
        emergency, trouble = shares[:, at_once].sum(axis=1), shares[:, at_once | urgent].sum(axis=1)
        stopped = _stopped(table)
        likeliest = np.where(at_once | urgent, shares, 0).argmax(axis=1)
        by_text: dict[tuple[int, str], list[int]] = {}
        for place, row in enumerate(table.rows):
            by_text.setdefault((row.sentence, row.variant), []).append(place)
        best = []
        for places in by_text.values():
            # A long hit is learned whole and read in pieces: only the pieces are tried.
            read = [place for place in places if len(places) == 1 or not _is_whole(table, place)]
            best.append(max(read, key=lambda place: -1.0 if stopped[place] else trouble[place]))
        chosen = np.array(best)
        texts = tuple(by_text)
        written = {key: table.rows[place].text for key, place in zip(texts, best, strict=True)}
        return cls(
            texts=texts,
            sentences=sentences,
            odds=odds[chosen],
            trouble=np.where(stopped[chosen], 0.0, trouble[chosen]),
            emergency=np.where(stopped[chosen], 0.0, emergency[chosen]),
            lexical=np.array([_rank(written[key], rulebook) for key in texts]),
            right_kind=likeliest[chosen] == table.classes[chosen],
        )

    def sentence(self, place: int) -> Sentence:
        """Return the sentence of one text."""
        return self.sentences[self.texts[place][0]]

    def where(self, wanted: Callable[[Sentence, str], bool]) -> Flags:
        """Return the texts whose sentence and variant are wanted."""
        return np.array([wanted(self.sentences[number], variant) for number, variant in self.texts])

    def acts(self, thresholds: Thresholds) -> Flags:
        """Return for which texts people are called."""
        return (self.odds >= thresholds.look) & (self.trouble >= thresholds.act)

    def asks(self, thresholds: Thresholds) -> Flags:
        """Return for which texts the patient is asked."""
        return ~self.acts(thresholds) & (self.odds >= thresholds.look) & (self.emergency >= thresholds.ask)


def choose_thresholds(trial: Trial, costs: Mapping[str, Any]) -> Thresholds:
    """Return the thresholds with the lowest expected cost within the limits; what the wordings see costs nothing."""
    cost = {name: float(entry["cost"]) for name, entry in costs["costs"].items()}
    expected, limits = costs["expected"], costs["limits"]
    emergencies = trial.where(lambda one, _: one.level is Level.EMERGENCY)
    urgents = trial.where(lambda one, _: one.level is Level.URGENT)
    near = trial.where(lambda one, _: one.level is Level.NONE and one.style not in PLAIN_STYLES)
    plain = trial.where(lambda one, variant: one.style in PLAIN_STYLES and not variant)
    look = _choose_look(trial, emergencies | urgents, limits["lost_by_first_look_in_a_thousand"] / 1000)
    seen = trial.lexical != 0
    shares = {
        "emergency": expected["emergencies_in_a_thousand"] / 1000,
        "urgent": expected["urgent_in_a_thousand"] / 1000,
        "near": expected["near_misses_in_a_thousand"] / 1000,
    }
    shares["plain"] = 1 - sum(shares.values())
    best: tuple[float, Thresholds] | None = None
    for act, ask in product(_ACT, _ASK):
        if ask > act:
            continue
        one = Thresholds(look, float(act), float(ask), EMERGENCY_SHARE)
        acts, asks = trial.acts(one), trial.asks(one)
        if acts[plain].mean() * 1000 > limits["needless_alarms_in_a_thousand_plain_messages"]:
            continue
        if asks[plain].mean() * 1000 > limits["needless_questions_in_a_thousand_plain_messages"]:
            continue
        missed = ~(acts | asks | seen)
        price = (
            shares["emergency"] * cost["missed_emergency"] * missed[emergencies].mean()
            + shares["emergency"] * cost["asked_in_an_emergency"] * (asks & ~seen)[emergencies].mean()
            + shares["urgent"] * cost["missed_urgent"] * missed[urgents].mean()
        )
        for name, texts in (("near", near), ("plain", plain)):
            price += shares[name] * cost["needless_alarm"] * (acts & ~seen)[texts].mean()
            price += shares[name] * cost["needless_question"] * (asks & ~seen)[texts].mean()
        if best is None or price < best[0]:
            best = float(price), one
    return best[1] if best is not None else Thresholds(look, float(_ACT[-1]), float(_ASK[-1]), EMERGENCY_SHARE)


def _choose_look(trial: Trial, hits: Flags, lost: float) -> float:
    """Return the highest odds of the first look that lose no more than `lost` of what is neither seen nor doubtful."""
    return math.floor(float(np.quantile(trial.odds[hits & (trial.trouble >= 0.5)], lost)) * 100) / 100


def measure(trial: Trial, thresholds: Thresholds) -> dict[str, Any]:
    """Return how much is seen and how often in vain: by the wordings, by meaning, by both."""
    as_written = trial.where(lambda _, variant: not variant)
    hits = trial.where(lambda one, _: one.level is not Level.NONE)
    plain = trial.where(lambda one, _: one.style in PLAIN_STYLES)
    near = ~hits & ~plain
    acts, asks = trial.acts(thresholds), trial.asks(thresholds)
    words = trial.lexical != 0

    def seen(texts: Flags) -> dict[str, Any]:
        return {
            "sentences": int(texts.sum()),
            "wordings": _share(words[texts]),
            "meaning": _share((acts | asks)[texts]),
            "both": _share((words | acts | asks)[texts]),
            "both, asked only": _share((~words & asks)[texts]),
        }

    def of(**wanted: Any) -> Flags:
        return trial.where(lambda one, _: all(getattr(one, name) == value for name, value in wanted.items()))

    def needless(texts: Flags) -> dict[str, Any]:
        return {
            "sentences": int(texts.sum()),
            "wordings": _share(words[texts]),
            "meaning: alarm": _share(acts[texts]),
            "meaning: question": _share(asks[texts]),
            "looked at closely": _share((trial.odds >= thresholds.look)[texts]),
        }

    emergencies = of(level=Level.EMERGENCY)
    variants = sorted({variant for _, variant in trial.texts if variant})
    categories = sorted({one.category for one in trial.sentences if one.category})
    not_hits = sorted({one.style for one in trial.sentences if one.level is Level.NONE})
    return {
        "thresholds": {name: getattr(thresholds, name) for name in Thresholds.__slots__},
        "summary": {
            "emergencies seen": seen(as_written & emergencies),
            "urgent seen": seen(as_written & of(level=Level.URGENT)),
            "near misses": needless(as_written & near),
            "plain messages": needless(as_written & plain),
            "right category": _share(trial.right_kind[as_written & hits & acts]),
            "hits that the first look drops": _share((trial.odds < thresholds.look)[as_written & hits]),
            "... and that neither wordings nor the whole layer would have seen without it": _share(
                ((trial.odds < thresholds.look) & ~words & (trial.trouble >= thresholds.act))[as_written & hits]
            ),
            "off in calibration": _calibration(trial, as_written),
        },
        "seen by language": {tag: seen(as_written & hits & of(language=tag)) for tag in ("en", "es")},
        "seen by style": {style: seen(as_written & of(style=style) & hits) for style in HIT_STYLES},
        "seen by variant": {name: seen(hits & trial.where(partial(_is_variant, name))) for name in variants},
        "seen by category": {name: seen(as_written & of(category=name)) for name in categories},
        "in vain by kind": {style: needless(as_written & of(style=style, level=Level.NONE)) for style in not_hits},
    }


def _is_variant(name: str, _: Sentence, variant: str) -> bool:
    return variant == name


def _calibration(trial: Trial, texts: Flags) -> float:
    """Return by how much the probability of trouble is off, in ten groups of equal width."""
    told = trial.trouble[texts]
    true = np.array([trial.sentence(int(place)).level is not Level.NONE for place in np.flatnonzero(texts)])
    off = 0.0
    for low in np.arange(0, 1, 0.1):
        group = (told >= low) & (told < low + 0.1 if low < 0.9 else told <= 1)
        if group.any():
            off += group.mean() * abs(told[group].mean() - true[group].mean())
    return round(float(off), 3)


def _share(flags: Flags) -> dict[str, Any]:
    """Return a share with the Wilson interval that holds it with 95 % confidence."""
    n, hits = len(flags), int(flags.sum())
    if n == 0:
        return {"share": None}
    share, z2 = hits / n, _Z_95**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z_95 / (1 + z2 / n) * math.sqrt(share * (1 - share) / n + z2 / (4 * n * n))
    return {
        "share": round(share, 4),
        "from": round(max(0.0, middle - half), 4),
        "to": round(min(1.0, middle + half), 4),
    }


def _rank(text: str, rulebook: Rulebook) -> int:
    verdict = screen(text, rulebook)
    return -1 if verdict.ask is not None and verdict.level is Level.NONE else verdict.level.rank


def _stopped(table: Table) -> Flags:
    places = [NAMES.index(kind.value) for kind in CueKind if kind in STOPPING]
    stopped: Flags = np.asarray((table.signs[:, places] >= STOPPED_SHARE).any(axis=1))
    return stopped


def _is_whole(table: Table, place: int) -> bool:
    window, text = table.rows[place].window, table.rows[place].text
    return window.start == 0 and window.end == len(text) and table.rows[place].learned
