"""Reads what a message means, where no written wording fits: a second look that may raise the level and never lower it.

Stands behind the wordings and reads only what they did not already call an emergency. A first look by letters picks the
few pieces worth reading, the embedder turns them into vectors, a small linear model weighs vector and signs. What the
signs call past, general or supposed does not fire, as with the wordings.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from careguard.context import CueKind
from careguard.deciding import read_answer
from careguard.embedder import PackagedEmbedder, Vectors
from careguard.errors import DataFileError
from careguard.first_look import FirstLook
from careguard.rulebook import Rule, Rulebook
from careguard.signs import NAMES, Signs, SignWords, load_sign_words, read_signs
from careguard.verdict import Level
from careguard.windows import Window, read_joined, read_windows

MODEL_FILE = Path("meanings") / "model.npz"
RETRAIN = "run `python -m careguard.train_meanings`"

STOPPED_SHARE = 0.65
"""A piece most of whose words are past, general or supposed tells of nothing now."""
STOPPING = (CueKind.PAST, CueKind.KNOWLEDGE, CueKind.HYPOTHETICAL)
"""Denial is left to the model: "cannot breathe" and "has not moved" deny, and are the sign itself."""
_DENIED_SHARE = 0.5
"""A piece that is half denied is asked about, where its rule has a question."""
_OF_ANY_AGE = frozenset({"dehydration"})
"""Categories whose own words are for children only."""
MOST_WORDS = 64
"""So many words of a message are embedded at most; what is likeliest comes first."""


class QuestionEmbedder(Protocol):
    """Makes the unit vector of one piece."""

    @property
    def name(self) -> str:
        """Return what identifies the model."""
        ...

    def question(self, text: str) -> Vectors:
        """Return the vector of one piece."""
        ...


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which probability on something follows; chosen in training, on the costs that are written down."""

    look: float
    """Odds of the first look from which on a piece is embedded."""
    act: float
    """Probability of trouble from which on people are called."""
    ask: float
    """Probability of an emergency from which on the patient is asked whether it is happening now."""
    emergency_share: float
    """Share of the trouble that must be an emergency for it to be treated as one."""


@dataclass(frozen=True, slots=True)
class MeaningModel:
    """The trained numbers: linear in the vector, the signs and the first look."""

    first_look: FirstLook
    meanings: tuple[str, ...]
    by_vector: npt.NDArray[np.float32]
    by_sign: npt.NDArray[np.float32]
    by_first_look: npt.NDArray[np.float32]
    biases: npt.NDArray[np.float32]
    thresholds: Thresholds
    embedder: str

    def shares(self, vector: Vectors, signs: Signs, odds: float) -> npt.NDArray[np.float64]:
        """Return the probability of each meaning."""
        by_sign = np.asarray(signs.vector(), dtype=np.float32) @ self.by_sign
        raw = (vector @ self.by_vector + by_sign + odds * self.by_first_look + self.biases).astype(np.float64)
        powers = np.exp(raw - raw.max())
        shares: npt.NDArray[np.float64] = powers / powers.sum()
        return shares


@dataclass(frozen=True, slots=True)
class Piece:
    """What one piece of a message was read as."""

    window: Window
    signs: Signs
    category: str
    """The likeliest kind of trouble, at the level below."""
    level: Level
    trouble: float
    """Probability that people are needed."""
    emergency: float
    """Probability that they are needed at once."""
    likeliest: str
    """The likeliest meaning of all, harmless ones included."""


@dataclass(frozen=True, slots=True)
class Meant:
    """What a piece of the message means, and which rule says what follows from it."""

    rule: Rule
    start: int
    end: int
    in_doubt: bool
    """Not sure enough to call people: the patient is asked, where the rule has a question."""
    signs: Signs


class MeaningReader:
    """The model, the embedder and the signs together; safe to use from several threads."""

    def __init__(self, model: MeaningModel, embedder: QuestionEmbedder, sign_words: Sequence[SignWords]) -> None:
        if embedder.name != model.embedder:
            raise DataFileError(MODEL_FILE, f"it was trained on {model.embedder}, not on {embedder.name}; {RETRAIN}")
        self.thresholds = model.thresholds
        self._model = model
        self._embedder = embedder
        self._sign_words = sign_words
        self._kinds = _kinds(model.meanings)

    def find(self, text: str, rulebook: Rulebook, earlier: Sequence[str] = ()) -> list[Meant]:
        """Return what the message means that calls for people or for the question that decides.

        Args:
            text: The message.
            rulebook: The loaded rules.
            earlier: The patient's messages before it in this episode, oldest first; short ones are read together.
        """
        found = self._found(text, rulebook)
        if not found and earlier and read_answer(text, rulebook) is None:
            return self._found_together(text, rulebook, earlier)
        return found

    def _found(self, text: str, rulebook: Rulebook) -> list[Meant]:
        is_letter = len(read_windows(text)) > 1
        found = (self._meant(piece, rulebook, is_letter=is_letter) for piece in self.read(text, rulebook))
        return [meant for meant in found if meant is not None]

    def _found_together(self, text: str, rulebook: Rulebook, earlier: Sequence[str]) -> list[Meant]:
        """Return what this message and the short ones before it mean together, and those before it alone do not."""
        for before, whole in read_joined(text, earlier):
            found = self._found(whole, rulebook)
            if found and not self._found(before, rulebook):
                return [replace(meant, start=0, end=len(text)) for meant in found]
        return []

    def _meant(self, piece: Piece, rulebook: Rulebook, *, is_letter: bool) -> Meant | None:
        acts = piece.trouble >= self.thresholds.act
        # A letter has many pieces, and each may be wrong: only a sure one counts.
        if not acts and (is_letter or piece.emergency < self.thresholds.ask):
            return None
        rule = _rule_of(piece, rulebook)
        if rule is None or stopped_by(piece, rule.cancelled_by) is not None:
            return None
        in_doubt = not acts or self._is_asked_first(piece, rule, is_letter=is_letter)
        return Meant(rule, piece.window.start, piece.window.end, in_doubt, piece.signs)

    def _is_asked_first(self, piece: Piece, rule: Rule, *, is_letter: bool) -> bool:
        """Return whether a sure piece is doubted all the same; never of a crisis, which no question stops either."""
        if CueKind.KNOWLEDGE not in rule.cancelled_by:
            return False
        if rule.ask is None:
            return is_letter and "when: pressing" not in piece.signs.found
        return is_letter or piece.signs.share(CueKind.NEGATION) >= _DENIED_SHARE

    def read(self, text: str, rulebook: Rulebook) -> list[Piece]:
        """Return the pieces that may tell of trouble, the likeliest by their letters first; usually none."""
        windows = read_windows(text)
        odds = [self._model.first_look.odds(window.text) for window in windows]
        chosen = self._worth_reading(windows, odds)
        if not chosen:
            return []
        signs = read_signs(text, [windows[place] for place in chosen], rulebook, self._sign_words)
        pieces = []
        for place, one in zip(chosen, signs, strict=True):
            vector = self._embedder.question(windows[place].text)
            piece = self._piece(windows[place], one, self._model.shares(vector, one, odds[place]))
            pieces.append(piece)
            if piece.level is Level.EMERGENCY and piece.trouble >= self.thresholds.act and not stopped_by(piece):
                break
        return pieces

    def _worth_reading(self, windows: Sequence[Window], odds: Sequence[float]) -> list[int]:
        likely = sorted(
            (place for place in range(len(windows)) if odds[place] >= self.thresholds.look),
            key=lambda place: -odds[place],
        )
        chosen: list[int] = []
        words = 0
        for place in likely:
            words += windows[place].words
            if chosen and words > MOST_WORDS:
                break
            chosen.append(place)
        return chosen

    def _piece(self, window: Window, signs: Signs, shares: npt.NDArray[np.float64]) -> Piece:
        emergency, urgent = (
            float(shares[list(places)].sum()) for places in (self._kinds.emergency, self._kinds.urgent)
        )
        trouble = emergency + urgent
        level = Level.EMERGENCY if emergency >= self.thresholds.emergency_share * trouble else Level.URGENT
        places = self._kinds.emergency if level is Level.EMERGENCY else self._kinds.urgent
        top = self._model.meanings[max(places, key=lambda place: shares[place])]
        likeliest = self._model.meanings[int(shares.argmax())]
        return Piece(window, signs, top.partition(":")[0], level, trouble, emergency, likeliest)


def stopped_by(piece: Piece, kinds: Collection[CueKind] = STOPPING) -> CueKind | None:
    """Return what keeps the piece from firing, whatever it means: most of it is past, general or supposed."""
    return next((kind for kind in STOPPING if kind in kinds and piece.signs.share(kind) >= STOPPED_SHARE), None)


def _rule_of(piece: Piece, rulebook: Rulebook) -> Rule | None:
    rules = [
        rule
        for rule in rulebook.rules.values()
        if rule.category == piece.category and rule.level is piece.level and rule.ended is None
    ]
    if not rules:
        return None
    rule = min(rules, key=lambda one: one.precedence)
    if rule.category in _OF_ANY_AGE and "who: child" not in piece.signs.found:
        return replace(rule, say=None)  # the general words of the level
    return rule


def load_meanings(guardrails: Path, locales: Path, languages: Sequence[str]) -> MeaningReader:
    """Return the reader with everything loaded; takes a second.

    Raises:
        DataFileError: The model or a file of signs is missing or wrong.
        EmbedderUnavailable: The embedder is missing.
    """
    model = read_model(guardrails / MODEL_FILE)
    return MeaningReader(model, PackagedEmbedder(), load_sign_words(locales, languages))


def read_model(path: Path) -> MeaningModel:
    """Return the trained numbers.

    Raises:
        DataFileError: The file is missing, broken, or made for other signs.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            numbers = {name: stored[name] for name in stored.files}
        told: Any = json.loads(str(numbers.pop("told")))
        if told["signs"] != list(NAMES):
            raise DataFileError(path, f"it was trained on other signs; {RETRAIN}")
        return MeaningModel(
            first_look=FirstLook(
                numbers["first_weights"].astype(np.float32),
                numbers["first_rarity"].astype(np.float32),
                float(told["first_bias"]),
            ),
            meanings=tuple(told["meanings"]),
            by_vector=numbers["by_vector"].astype(np.float32),
            by_sign=numbers["by_sign"].astype(np.float32),
            by_first_look=numbers["by_first_look"].astype(np.float32),
            biases=numbers["biases"].astype(np.float32),
            thresholds=Thresholds(**told["thresholds"]),
            embedder=told["embedder"],
        )
    except FileNotFoundError:
        raise DataFileError(path, f"the file is missing; {RETRAIN}") from None
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise DataFileError(path, f"it cannot be read ({type(error).__name__}); {RETRAIN}") from None


def write_model(model: MeaningModel, path: Path) -> None:
    """Write the trained numbers, small: half precision is enough."""
    told = {
        "signs": list(NAMES),
        "meanings": list(model.meanings),
        "first_bias": model.first_look.bias,
        "embedder": model.embedder,
        "thresholds": {name: getattr(model.thresholds, name) for name in Thresholds.__slots__},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        path,
        told=np.array(json.dumps(told)),
        first_weights=model.first_look.weights.astype(np.float16),
        first_rarity=model.first_look.rarity.astype(np.float16),
        by_vector=model.by_vector.astype(np.float32),
        by_sign=model.by_sign.astype(np.float32),
        by_first_look=model.by_first_look.astype(np.float32),
        biases=model.biases.astype(np.float32),
    )


@dataclass(frozen=True, slots=True)
class _Kinds:
    emergency: tuple[int, ...]
    urgent: tuple[int, ...]


def _kinds(meanings: Sequence[str]) -> _Kinds:
    def ending(level: Level) -> tuple[int, ...]:
        return tuple(place for place, meaning in enumerate(meanings) if meaning.endswith(f":{level.value}"))

    return _Kinds(ending(Level.EMERGENCY), ending(Level.URGENT))
