"""An answer word for word: the answer first, then what to do, then when to get help."""

from __future__ import annotations

from actions.answering.retrieve import Retrieved, Retriever
from actions.answering.verbatim import Style, compose_answer


def sections(retriever: Retriever, question: str, style: Style = Style.NORMAL, language: str = "en") -> list[str]:
    return [s.citations[0].split("/")[1] for s in compose_answer(retriever.retrieve(question, language), style)]


def test_the_answer_comes_first_then_what_to_do_then_when_to_get_help(retriever: Retriever) -> None:
    told = sections(retriever, "What is sunburn?")
    assert told[0] == "in_short"
    assert told[-2:] == ["what_you_can_do", "get_help_now"]


def test_a_question_on_danger_begins_with_when_to_get_help(retriever: Retriever) -> None:
    assert sections(retriever, "When is sunburn an emergency?")[0] == "get_help_now"


def test_questions_for_the_doctor_are_given_when_asked_for(retriever: Retriever) -> None:
    assert sections(retriever, "What questions should I ask my doctor about sunburn?")[0] == "questions_to_ask"


def test_every_sentence_is_a_passage_and_cites_it(retriever: Retriever) -> None:
    found = retriever.retrieve("What is sunburn?", "en")
    texts = {scored.passage.id: scored.passage.text for scored in found.passages}
    for sentence in compose_answer(found):
        assert texts[sentence.citations[0]] == sentence.text


def test_simpler_is_shorter_and_detail_is_longer(retriever: Retriever) -> None:
    lengths = [
        len(sections(retriever, "What is sunburn?", style)) for style in (Style.SIMPLER, Style.NORMAL, Style.DETAIL)
    ]
    assert lengths[0] < lengths[1] < lengths[2]


def test_an_answer_stays_below_120_words_and_keeps_when_to_get_help(retriever: Retriever) -> None:
    for style in (Style.NORMAL, Style.SIMPLER):
        drafts = compose_answer(retriever.retrieve("What is high blood pressure?", "en"), style)
        assert sum(len(draft.text.split()) for draft in drafts) <= 120
        assert drafts[-1].citations[0].startswith("high_blood_pressure/get_help_now")


def test_nothing_found_is_nothing_said(retriever: Retriever) -> None:
    found: Retrieved = retriever.retrieve("what is lupus?", "en")
    assert compose_answer(found) == ()


def first(retriever: Retriever, question: str, language: str = "en") -> str:
    return compose_answer(retriever.retrieve(question, language))[0].citations[0]


def test_a_question_on_signs_tells_signs_and_when_to_be_seen(retriever: Retriever) -> None:
    told = [s.citations[0] for s in compose_answer(retriever.retrieve("What are the signs of sunburn?", "en"))]
    assert told == ["sunburn/what_it_is/1", "sunburn/see_someone/1", "sunburn/get_help_now/1"]


def test_a_question_on_how_it_goes_on_is_answered_with_how_long_it_lasts(retriever: Retriever) -> None:
    assert first(retriever, "How long does sunburn take to heal?") == "sunburn/in_short/2"


def test_a_question_on_passing_it_on_is_answered_by_yes_or_no(retriever: Retriever) -> None:
    assert first(retriever, "Is sunburn contagious?") == "sunburn/what_it_is/2"


def test_what_to_do_comes_from_what_one_can_do(retriever: Retriever) -> None:
    assert first(retriever, "How can I lower high blood pressure?").split("/")[1] == "what_you_can_do"
    assert first(retriever, "¿Cómo puedo bajar la presión alta?", "es").split("/")[1] == "what_you_can_do"


def test_a_small_word_is_no_form_of_a_telling_one(retriever: Retriever) -> None:
    """In Spanish "cómo" has the stem of "comer"; it does not turn a plain question into one about food."""
    assert not retriever.retrieve("¿Cómo se trata la presión alta?", "es").specific
    assert retriever.retrieve("¿Qué puedo comer con presión alta?", "es").specific
