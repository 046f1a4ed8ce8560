"""Two questions are the same only when nothing that a clinician would weigh differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from actions.answering.approved import NEAR_ENOUGH
from actions.answering.embed import PackagedEmbedder
from actions.answering.same_question import SameWords, load_same_words, plain_words
from careguard.errors import DataFileError
from tests.unit.answering.conftest import ROOT

SAME = (
    ("en", "Can I swim with a cast on my arm?", "can i go swimming with a cast on my arm"),
    ("en", "Can I swim with a cast on my arm?", "With a cast on my arm, can I swim?"),
    ("en", "Can I swim with a cast on my arm?", "Is it safe to swim with a cast on my arm please?"),
    ("en", "Can I eat sushi in pregnancy?", "I'm pregnant. Can I eat sushi?"),
    ("en", "Can I eat sushi in pregnancy?", "is it ok to eat sushi during pregnancy?"),
    ("en", "Can I eat sushi in pregnancy?", "Hi! While pregnant, can I eat the sushi"),
    ("en", "Can my baby drink water?", "can my babies drink water"),
    ("en", "How long does it take for a broken wrist to heal?", "How long will it take for broken wrist to heal"),
    ("en", "What foods are good for anemia?", "what food is good for anemia?"),
    ("en", "How can I prepare for a colonoscopy?", "how do i prepare for a colonoscopy"),
    ("en", "Can I drink coffee with high blood pressure?", "I have high blood pressure. Can I drink coffee?"),
    ("en", "Can I drink coffee with high blood pressure?", "is it ok to drink coffee if i have high blood pressure"),
    ("en", "Can I fly after cataract surgery?", "after cataract surgery can I fly?"),
    ("en", "What should I do when a tick bites me?", "what to do when a tick bites me"),
    ("en", "Can I get the flu shot with a cold?", "Can I get a flu shot if I have a cold?"),
    ("en", "Can my child go to school with pink eye?", "can my child go to school with pink eye, thanks"),
    ("en", "What are the side effects of chemotherapy?", "whats the side effects of chemotherapy"),
    ("en", "Should I get the hepatitis A vaccine?", "should i get hepatitis a vaccine"),
    ("en", "CAN I SWIM WITH A CAST?", "Can I swim with a cast?"),
    ("es", "¿Puedo nadar con un yeso en el brazo?", "puedo ir a nadar con yeso en el brazo"),
    ("es", "¿Puedo comer sushi en el embarazo?", "Estoy embarazada, ¿puedo comer sushi?"),
    ("es", "¿Puedo comer sushi en el embarazo?", "es seguro comer sushi durante el embarazo"),
    ("es", "¿Puedo tomar café con presión alta?", "tengo presión alta, puedo tomar café?"),
    ("es", "¿Cómo puedo prepararme para una colonoscopia?", "Como hago para prepararme para la colonoscopia"),
    ("es", "¿Cuánto tarda en sanar una muñeca rota?", "cuanto tiempo tarda en sanar una muñeca rota"),
    ("es", "¿Qué debo hacer si me pica una garrapata?", "qué hacer si me pica una garrapata"),
    (
        "es",
        "¿Puedo viajar en avión después de una operación de cataratas?",
        "Después de una operación de cataratas, ¿puedo viajar en avión?",
    ),
    ("es", "¿Mi bebé puede tomar agua?", "mi bebe puede tomar agua?"),
    ("es", "¿Cuáles son los efectos de la quimioterapia?", "cuál es el efecto de la quimioterapia"),
)
"""Ways to ask that must get the approved words."""

DIFFERENT = (
    ("en", "Can I stop my blood pressure medicine?", "Can I start my blood pressure medicine?"),
    ("en", "Can I kiss someone with HIV?", "I have HIV, can I kiss someone?"),
    ("en", "Can I kiss someone with HIV?", "With HIV, can I kiss someone?"),
    ("en", "Can someone give me HIV by kissing?", "Can I give HIV by kissing?"),
    ("en", "Can diabetes cause high blood pressure?", "Can high blood pressure cause diabetes?"),
    ("en", "Can I eat sushi in pregnancy?", "Can I eat sushi?"),
    ("en", "Can I eat sushi in pregnancy?", "Can I eat sushi before pregnancy?"),
    ("en", "Can I eat sushi in pregnancy?", "Can I eat sushi after pregnancy?"),
    ("en", "Can I eat honey?", "Can my baby eat honey?"),
    ("en", "Can I give honey to my baby?", "Can I give honey to my mother?"),
    ("en", "Can I take aspirin before surgery?", "Can I take aspirin after surgery?"),
    ("en", "How much water should I drink?", "How often should I drink water?"),
    ("en", "When can I drive after surgery?", "Can I drive after surgery?"),
    ("en", "Why can I not drive after surgery?", "Can I not drive after surgery?"),
    ("en", "Should I drink coffee?", "Can I drink coffee?"),
    ("en", "Can I drink coffee with high blood pressure?", "Can I drink coffee with low blood pressure?"),
    ("en", "Can I exercise with asthma?", "Can I not exercise with asthma?"),
    ("en", "Can a 2 year old take a bath with a fever?", "Can a 3 year old take a bath with a fever?"),
    ("en", "Can people with O+ blood give to O-?", "Can people with O- blood give to O+?"),
    ("en", "Is a cold a virus?", "Is a virus a cold?"),
    ("en", "Can I switch from tea to coffee?", "Can I switch from coffee to tea?"),
    ("en", "Is hypotension dangerous?", "Is hypertension dangerous?"),
    ("en", "What does immunity do?", "What does immunization do?"),
    ("en", "Can I swim with a cast on my arm?", "Can I swim with a cast on my leg?"),
    ("en", "Can I catch the flu from my dog?", "Can my dog catch the flu from me?"),
    ("en", "Can I take ibuprofen with paracetamol?", "Can I take ibuprofen without paracetamol?"),
    ("en", "Can my son swim with ear tubes?", "Can my daughter swim with ear tubes?"),
    ("en", "Is it safe to have sex in pregnancy?", "Is it safe to have sex after a pregnancy loss?"),
    ("en", "Can I vaccinate my wife while she is pregnant?", "I'm pregnant. Can I vaccinate my wife?"),
    ("en", "How do I get pregnant?", "How do I not get pregnant?"),
    ("en", "Can I give my baby cow's milk at 6 months?", "Can I give my baby cow's milk at 12 months?"),
    ("en", "Does stress make asthma worse?", "Does asthma make stress worse?"),
    ("en", "Can I drink alcohol while taking antibiotics?", "Can I take antibiotics while drinking alcohol?"),
    ("en", "Can I breastfeed with a cold?", "Can I breastfeed with a cold sore?"),
    ("en", "Is the vaccine safe for children?", "Is the vaccine safe for adults?"),
    ("en", "What if I miss my period?", "What if I miss my pill?"),
    ("en", "Can I eat before a blood test?", "Can I drink before a blood test?"),
    ("en", "How long is the flu contagious?", "How long is the flu not contagious?"),
    ("en", "Can I get my ears pierced with eczema?", "Can I get my ears pierced?"),
    ("en", "What lowers blood sugar?", "What raises blood sugar?"),
    ("en", "What is hepatitis A?", "What is hepatitis?"),
    ("en", "Should I get the hepatitis a vaccine?", "Should I get a hepatitis vaccine?"),
    ("en", "Is type I diabetes serious?", "Is this type diabetes serious?"),
    ("en", "Do I need Protein A?", "Do I need a protein?"),
    ("en", "Is Tietze syndrome inherited?", "Is Tietz syndrome inherited?"),
    ("es", "¿Puedo dejar mi medicina?", "¿Puedo empezar mi medicina?"),
    ("es", "¿Puedo besar a alguien con VIH?", "Tengo VIH, ¿puedo besar a alguien?"),
    ("es", "¿Puedo comer miel?", "¿Mi bebé puede comer miel?"),
    ("es", "¿Puedo comer sushi en el embarazo?", "¿Puedo comer sushi después del embarazo?"),
    ("es", "¿Puedo tomar café con presión alta?", "¿Puedo tomar café con presión baja?"),
    ("es", "¿La diabetes causa presión alta?", "¿La presión alta causa diabetes?"),
    ("es", "¿Puedo bañarme antes de la cirugía?", "¿Puedo bañarme después de la cirugía?"),
    ("es", "¿Puedo tomar leche con el antibiótico?", "¿Puedo tomar leche sin el antibiótico?"),
    ("es", "¿Mi hijo puede nadar con tubos en los oídos?", "¿Mi hija puede nadar con tubos en los oídos?"),
    ("es", "¿Puedo hacer ejercicio con asma?", "¿No puedo hacer ejercicio con asma?"),
    ("es", "¿Cada cuánto debo tomar agua?", "¿Cuánta agua debo tomar?"),
    ("es", "¿Puedo darle leche de vaca a los 6 meses?", "¿Puedo darle leche de vaca a los 12 meses?"),
    ("es", "¿Debo tomar café?", "¿Puedo tomar café?"),
    ("es", "Estoy embarazada. ¿Puedo vacunar a mi esposa?", "¿Puedo vacunar a mi esposa en el embarazo?"),
)
"""Pairs that look alike and ask for another answer: who, how much, not, before, the other way round."""


@pytest.fixture(scope="module")
def same_words() -> dict[str, SameWords]:
    return load_same_words(ROOT / "locales", ("en", "es"))


@pytest.mark.parametrize(("language", "one", "other"), SAME)
def test_a_question_in_other_words_that_change_nothing_is_the_same(
    language: str, one: str, other: str, same_words: dict[str, SameWords]
) -> None:
    same = same_words[language]
    assert same.are_same(same.asked(one), same.asked(other))
    assert same.are_same(same.asked(other), same.asked(one))
    assert same.key(same.asked(one)) == same.key(same.asked(other))


@pytest.mark.parametrize(("language", "one", "other"), DIFFERENT)
def test_a_question_that_differs_in_what_matters_is_another(
    language: str, one: str, other: str, same_words: dict[str, SameWords]
) -> None:
    same = same_words[language]
    assert not same.are_same(same.asked(one), same.asked(other))
    assert not same.are_same(same.asked(other), same.asked(one))


def test_the_same_questions_are_near_enough_and_nearness_alone_would_not_do(embedder: PackagedEmbedder) -> None:
    """The second lock shuts out none of the pairs that are the same; alone, it would let most of the others in."""

    def nearness(one: str, other: str) -> float:
        return float(embedder.question(one) @ embedder.question(other))

    assert min(nearness(one, other) for _, one, other in SAME[:6]) > NEAR_ENOUGH
    assert max(nearness(one, other) for _, one, other in DIFFERENT[17:20]) > 0.99


def test_a_question_that_needs_what_was_said_before_is_known(same_words: dict[str, SameWords]) -> None:
    english = same_words["en"]
    assert english.leans_back(english.asked("Can I swim with it?"))
    assert not english.leans_back(english.asked("Is it safe to swim with a cast?"))


def test_a_language_without_a_list_takes_only_the_very_same_words() -> None:
    french = plain_words("fr")
    assert french.are_same(french.asked("Puis-je nager ?"), french.asked("puis-je nager"))
    assert not french.are_same(french.asked("Puis-je nager ?"), french.asked("Est-ce que je peux nager ?"))


def test_a_letter_is_no_question_and_costs_nothing(same_words: dict[str, SameWords]) -> None:
    english = same_words["en"]
    letter = english.asked("can I swim in water when cold " * 100)
    assert not english.are_same(letter, letter)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("ignored: []", "exactly these keys"),
        ("{ignored: 1, equal: [], equal_alone: [], others: [], joints: [], joints_alone: [], points_back: [], "
         "endings: [], named_by_letter: []}", "'ignored' must be a list"),
        ("{ignored: [], equal: [[one]], equal_alone: [], others: [], joints: [], joints_alone: [], points_back: [], "
         "endings: [], named_by_letter: []}", "'equal' must be a list of lists"),
        ("{ignored: [], equal: [[a b, c], [c, d]], equal_alone: [], others: [], joints: [], joints_alone: [], "
         "points_back: [], endings: [], named_by_letter: []}", "'c' stands in two lists"),
    ],
)  # fmt: skip
def test_a_wrong_list_stops_the_start(text: str, problem: str, tmp_path: Path) -> None:
    folder = tmp_path / "languages" / "en"
    folder.mkdir(parents=True)
    (folder / "same_question.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(DataFileError, match=problem):
        load_same_words(tmp_path, ("en",))
