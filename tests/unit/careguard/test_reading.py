"""How hard a text is to read, as a US school grade."""

from __future__ import annotations

import socket

import pytest

from careguard.reading import school_grade


def test_short_plain_sentences_are_easier_than_long_ones() -> None:
    plain = school_grade("Eat less salt. Walk each day.", "en")
    hard = school_grade("Pharmacological intervention necessitates individualized deliberation.", "en")
    assert plain < 6 < hard


def test_spanish_has_a_scale_of_its_own() -> None:
    plain = school_grade("Coma menos sal. Camine cada día. Beba agua.", "es")
    hard = school_grade("La intervención farmacológica requiere deliberaciones individualizadas.", "es")
    assert plain < 6 < hard <= 17


@pytest.mark.parametrize("text", ["", "   ", "123", "!?"])
def test_what_has_no_words_has_no_grade(text: str) -> None:
    assert school_grade(text, "en") == 0.0


def test_nothing_is_looked_up_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> None:
        raise AssertionError("the grade must not need a network")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    assert school_grade("Syllables of unusual words are counted offline.", "en") > 0
