"""Two small topics in two languages, searched with the real embedder; nothing here depends on the shipped content."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from actions.answering.country import EmergencyNumbers
from actions.answering.embed import PackagedEmbedder
from actions.answering.knowledge import Knowledge, prepare_knowledge
from actions.answering.pipeline import Parts
from actions.answering.retrieve import Retriever
from careguard.review_words import ReviewPolicy, load_review_policy

ROOT = Path(__file__).resolve().parents[3]
LANGUAGES = ("en", "es")

FRONT = """---
id: {id}
title: {title}
synonyms: [{synonyms}]
audience: [adult]
sources:
  - {{publisher: Test Press, title: {title}, url: https://example.org/{id}, accessed: null}}
written_on: 2026-11-24
reviewed_by: null
review_due: 2027-11-24
related: []
---
"""

HIGH_BLOOD_PRESSURE = """## In short {#in_short}
- High blood pressure means that blood pushes too hard on the vessel walls. [1]
- High blood pressure often has no signs, so it must be measured. [1]
## What it is {#what_it_is}
- Blood pressure is written as two numbers, such as 120/80. [1]
- Age, family history and much salt raise the risk of high blood pressure. [1]
## What you can do {#what_you_can_do}
- To lower high blood pressure, eat less salt and walk on most days. [1]
- Do not stop blood pressure medicine on your own, even if you feel fine. [1]
## What doctors may do {#what_doctors_may_do}
- Doctors may offer medicine when habits alone do not lower high blood pressure. [1]
## When to get help now {#get_help_now}
- Call {emergency_number} if very high blood pressure comes with chest pain. [1]
## When to see someone {#see_someone}
- See a nurse if your blood pressure stays high on several days. [1]
## Questions to ask {#questions_to_ask}
- What should my blood pressure be? [1]
"""

SUNBURN = """## In short {#in_short}
- Sunburn is skin that was harmed by too much sun. [1]
- Sunburn often heals in about a week. [1]
## What it is {#what_it_is}
- Signs of sunburn can be red, hot and sore skin. [1]
- Sunburn is not contagious. [1]
## What you can do {#what_you_can_do}
- Cool sunburn with a damp cloth and stay out of the sun. [1]
- Drink plenty of water with sunburn. [1]
## What doctors may do {#what_doctors_may_do}
- Doctors may treat bad sunburn with a cream. [1]
## When to get help now {#get_help_now}
- Call {emergency_number} if sunburn comes with fainting or confusion. [1]
## When to see someone {#see_someone}
- See a doctor for sunburn with large blisters. [1]
## Questions to ask {#questions_to_ask}
- Which sunscreen suits my skin? [1]
"""

PRESION_ALTA = """## En pocas palabras {#in_short}
- La presión alta es cuando la sangre empuja demasiado fuerte en las venas y arterias. [1]
- La presión alta casi nunca da señales, por eso hay que medirla. [1]
## Qué es {#what_it_is}
- La presión se escribe con dos números, como 120/80. [1]
- La edad, la familia y mucha sal aumentan el riesgo de presión alta. [1]
## Qué puede hacer {#what_you_can_do}
- Para bajar la presión alta, coma menos sal y camine casi todos los días. [1]
- No deje las medicinas para la presión por su cuenta. [1]
## Qué pueden hacer los médicos {#what_doctors_may_do}
- Los médicos pueden dar medicinas si los hábitos no bajan la presión alta. [1]
## Cuándo pedir ayuda ya {#get_help_now}
- Llame al {emergency_number} si la presión muy alta viene con dolor de pecho. [1]
## Cuándo consultar {#see_someone}
- Vaya con una enfermera si su presión sigue alta varios días. [1]
## Preguntas {#questions_to_ask}
- ¿Cuál debe ser mi presión? [1]
"""


def write_topic(locales: Path, language: str, topic_id: str, title: str, synonyms: str, body: str) -> Path:
    folder = locales / "languages" / language / "topics"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{topic_id}.md"
    path.write_text(FRONT.format(id=topic_id, title=title, synonyms=synonyms) + body, encoding="utf-8")
    return path


def write_locales(locales: Path) -> None:
    for language in LANGUAGES:
        folder = locales / "languages" / language
        folder.mkdir(parents=True)
        for name in ("clarify.yaml", "explain.yaml", "glossary.yaml", "questions.yaml", "review.yaml"):
            shutil.copy(ROOT / "locales" / "languages" / language / name, folder / name)
    write_topic(
        locales, "en", "high_blood_pressure", "High blood pressure", "hypertension, high BP", HIGH_BLOOD_PRESSURE
    )
    write_topic(locales, "en", "sunburn", "Sunburn", "sun burn, burned by the sun", SUNBURN)
    write_topic(locales, "es", "high_blood_pressure", "Presión alta", "hipertensión, tensión alta", PRESION_ALTA)
    (locales / "countries").mkdir()
    for code, number in (("US", "911"), ("GB", "999")):
        text = f'name: {{en: {code}}}\nemergency_number: {{number: "{number}", checked_on: 2026-11-24, source: x}}\n'
        (locales / "countries" / f"{code}.yaml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="session")
def embedder() -> PackagedEmbedder:
    return PackagedEmbedder()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, embedder: PackagedEmbedder) -> tuple[Path, Path]:
    """The folder of the words and the folder of the prepared data."""
    locales, data = tmp_path_factory.mktemp("locales"), tmp_path_factory.mktemp("data")
    write_locales(locales)
    prepare_knowledge(locales, LANGUAGES, data, embedder)
    return locales, data


@pytest.fixture(scope="session")
def knowledge(prepared: tuple[Path, Path], embedder: PackagedEmbedder) -> Knowledge:
    return Knowledge.load(prepared[0], LANGUAGES, prepared[1], embedder)


@pytest.fixture(scope="session")
def retriever(knowledge: Knowledge, embedder: PackagedEmbedder) -> Retriever:
    return Retriever(knowledge, embedder)


@pytest.fixture(scope="session")
def policy() -> ReviewPolicy:
    return load_review_policy(ROOT / "guardrails", ROOT / "locales", LANGUAGES)


@pytest.fixture(scope="session")
def parts(prepared: tuple[Path, Path], retriever: Retriever, policy: ReviewPolicy) -> Parts:
    return Parts(retriever=retriever, policy=policy, numbers=EmergencyNumbers(prepared[0], "US"))
