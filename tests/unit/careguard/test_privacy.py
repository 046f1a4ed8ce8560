"""Who somebody is goes; what matters for health stays."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careguard.privacy import redact
from careguard.screen import screen
from careguard.verdict import Level
from tests.rulebook import shipped_rulebook

ROOT = Path(__file__).resolve().parents[3]
RULEBOOK = shipped_rulebook()


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("My name is Ana Torres and I have a rash", "My name is [NAME] and I have a rash"),
        ("my name is john smith", "my name is [NAME]"),
        ("Me llamo José Luis Pérez y tengo tos", "Me llamo [NAME] y tengo tos"),
        ("I saw Dr. Patel on Monday", "I saw [NAME] on Monday"),
        ("La Dra. Gómez me dijo", "La [NAME] me dijo"),
        ("Patient Mary A., 70 years old", "Patient [NAME], 70 years old"),
        ("call me at (415) 555-2671", "call me at [PHONE]"),
        ("mi teléfono es 612 345 678", "mi teléfono es [PHONE]"),
        ("reach me on +44 20 7946 0958", "reach me on [PHONE]"),
        ("llámame al 55 5259 8121", "llámame al [PHONE]"),
        ("write to ana.torres@example.com please", "write to [EMAIL] please"),
        ("see https://clinic.example/?token=abc123 now", "see [URL] now"),
        ("I was born on 03/04/1971", "I was born on [DATE_OF_BIRTH]"),
        ("DOB: 1971-04-03", "DOB: [DATE_OF_BIRTH]"),
        ("nací el 3 de abril de 1971", "nací el [DATE_OF_BIRTH]"),
        ("my SSN is 123-45-6789", "my SSN is [NATIONAL_ID]"),
        ("mi DNI es 12345678Z", "mi DNI es [NATIONAL_ID]"),
        ("NI number AB 12 34 56 C", "NI number [NATIONAL_ID]"),
        ("CURP GOMC960912HDFRRL04", "CURP [NATIONAL_ID]"),
        ("MRN: 998877", "MRN: [RECORD_NUMBER]"),
        ("expediente 445566", "expediente [RECORD_NUMBER]"),
        ("insurance ID: CL-987654", "insurance ID: [INSURANCE_ID]"),
        ("póliza número 1234-5678", "póliza número [INSURANCE_ID]"),
        ("card 4111 1111 1111 1111", "card [CARD]"),
        ("I live at 42 Oak Street, Springfield", "I live at [ADDRESS]"),
        ("vivo en Calle de Alcalá 45", "vivo en [ADDRESS]"),
    ],
)
def test_an_identifier_is_masked_by_its_type(text: str, redacted: str) -> None:
    assert redact(text).text == redacted


@pytest.mark.parametrize(
    "text",
    [
        "my blood pressure is 150/95",
        "I took 500 mg at 8 and 400 mg at 12",
        "tiene 39.5 °C desde ayer",
        "I am 72 years old and 70 kg",
        "my sugar was 110, then 145, then 98",
        "Does Crohn disease run in families?",
        "I'm Diabetic and Tired",
        "What is Parkinson's disease?",
        "Vitamin D. and Hepatitis B. vaccines",
        "¿Qué es la enfermedad de Alzheimer?",
        "Estoy embarazada de 20 semanas",
        "Can I take Tylenol with Advil?",
        "it started 3 days ago, on Monday",
        "call 911",
        "",
    ],
)
def test_what_matters_for_health_is_kept(text: str) -> None:
    assert redact(text).spans == ()


def test_spans_are_offsets_in_the_input() -> None:
    text = "Hola, me llamo Ana Torres, mi correo es ana@example.com"
    spans = redact(text).spans
    assert [(text[span.start : span.end], span.type) for span in spans] == [
        ("Ana Torres", "NAME"),
        ("ana@example.com", "EMAIL"),
    ]


@given(st.text(max_size=200))
def test_spans_never_overlap_and_the_rest_of_the_text_is_kept(text: str) -> None:
    result = redact(text)
    position, rebuilt = 0, ""
    for span in result.spans:
        assert position <= span.start < span.end <= len(text)
        rebuilt += text[position : span.start] + f"[{span.type}]"
        position = span.end
    assert rebuilt + text[position:] == result.text


@pytest.mark.parametrize(
    ("text", "hidden", "kept"),
    [
        ("My health plan number is 88231-A", "88231-A", "plan number"),
        ("What's your name? Zelda Quarmby", "Zelda Quarmby", "your name"),
        ("Quarmby lives on the third floor", "Quarmby", "third floor"),
        ("Please call me at 555-0142", "555-0142", "call me"),
    ],
)
def test_an_identifier_after_a_plain_cue_is_taken_out(text: str, hidden: str, kept: str) -> None:
    redacted = redact(text).text
    assert hidden not in redacted
    assert kept in redacted


def test_a_plan_to_be_healthy_is_no_number_of_an_insurance() -> None:
    text = "Our health plan is 30 minutes a day, she lives on fruit"
    assert redact(text).text == text


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Dear Mr Smith, my knee hurts", "Dear [NAME], my knee hurts"),
        ("Thanks for your help.\n\nRegards,\nAna", "Thanks for your help.\n\nRegards,\n[NAME]"),
        ("Un saludo,\nPedro Gómez", "Un saludo,\n[NAME]"),
        ("From: Carla Mendes <carla@example.pt>\nSubject: rash", "From: [NAME] <[EMAIL]>\nSubject: rash"),
        ("Hi Zoltán, can you help me?", "Hi [NAME], can you help me?"),
        ("my daughter maria has a cough", "my daughter [NAME] has a cough"),
        ("mi hija Lucía tiene tos", "mi hija [NAME] tiene tos"),
        ("please call dr ramirez", "please call [NAME]"),
        ("Maria's appointment is on Tuesday", "[NAME]'s appointment is on Tuesday"),
        ("I am Wilson, 45, and I have gout", "I am [NAME], 45, and I have gout"),
        ("We named him Frank", "We named him [NAME]"),
        ("Our kids are Hannah, Gaetane and Derek", "Our kids are [NAME], [NAME] and [NAME]"),
        ("I have an appointment with Brosca Erdôs", "I have an appointment with [NAME]"),
        ("Petra Vinokurova called. Tell Vinokurova I am late", "[NAME] called. Tell [NAME] I am late"),
        ("Ich heiße Jürgen Klein", "Ich heiße [NAME]"),
        ("Je m'appelle Amélie Girard", "Je m'appelle [NAME]"),
        ("I'm Grace and I'm worried", "I'm [NAME] and I'm worried"),
        ("My husband Donuve has a fever", "My husband [NAME] has a fever"),
        ("Mi hija Nomude tiene fiebre", "Mi hija [NAME] tiene fiebre"),
        ("Hi, this is Bakda Hakim. I need help", "Hi, this is [NAME]. I need help"),
        ("Zorila Gutemi (34) has asthma", "[NAME] (34) has asthma"),
    ],
)
def test_a_person_is_masked_wherever_letters_name_one(text: str, redacted: str) -> None:
    assert redact(text).text == redacted


@pytest.mark.parametrize(
    "address",
    [
        "123 Main St Apt 4B, Springfield, IL 62704",
        "C/ Mayor, 12, 3º B, 28013 Madrid",
        "Av. Juárez #45, Col. Centro",
        "12 rue de la Paix, 75002 Paris",
        "Hauptstraße 12, 10115 Berlin",
        "6750 Koskikatu 25 Apt. 8",
        "PO Box 77",
    ],
)
def test_an_address_is_masked_in_the_form_of_its_country(address: str) -> None:
    assert redact(f"Send it to {address}").text == "Send it to [ADDRESS]"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("my nhs number is 943 476 5919", "my nhs number is [NATIONAL_ID]"),
        ("Medicare 1EG4-TE5-MK73", "Medicare [INSURANCE_ID]"),
        ("NIE X1234567L", "NIE [NATIONAL_ID]"),
        ("NUSS 28 12345678 40", "NUSS [NATIONAL_ID]"),
        ("RFC GOMC960912AB1", "RFC [NATIONAL_ID]"),
        ("NSS 72 95 84 1234 5", "NSS [NATIONAL_ID]"),
        ("n° sécu 1 85 05 78 006 084 36", "n° sécu [NATIONAL_ID]"),
        ("IBAN ES91 2100 0418 4502 0005 1332", "IBAN [CARD]"),
        ("my plate is ABC 1234", "my plate is [VEHICLE]"),
        ("go to portal.clinic.example/reset?token=xyz", "go to [URL]"),
        ("my ip is 192.168.10.4", "my ip is [IP_ADDRESS]"),
        ("passport number X12345678", "passport number [NATIONAL_ID]"),
        ("password: hunter2", "password: [PASSWORD]"),
        ("416 60 039 office", "[PHONE] office"),
        ("My birthday is May 4", "My birthday is [DATE_OF_BIRTH]"),
        ("cumpleaños el 4 de mayo", "cumpleaños el [DATE_OF_BIRTH]"),
    ],
)
def test_an_id_is_masked_in_the_form_of_its_country(text: str, redacted: str) -> None:
    assert redact(text).text == redacted


@pytest.mark.parametrize(
    "text",
    [
        "Does Crohn's run in families? My dad has Parkinson and Graves disease",
        "Braxton Hicks or real labour? Is it Down syndrome?",
        "My husband has Lou Gehrig's disease. Is Hodgkin lymphoma curable?",
        "Wolff Parkinson White, Charcot Marie Tooth and Guillain Barre",
        "I took Allegra and Claritin yesterday with Mounjaro",
        "My doctor said Humira is safe. Is Ozempic better than Wegovy?",
        "Does St John's wort help?",
        "I AM HAVING PARKINSON FOR 8 YEARS",
        "This is Lyme Disease. My son Tylenol was too strong",
        "Mi padre tiene Alzheimer; enfermedad de Chagas, síndrome de Down",
        "Tomo Enantyum y Nolotil, y Ventolín para el asma",
        "What are the treatments for Biliary Atresia?",
        "BP 150/95, pulse 88, sugar 7.8, 39.5 °C, 500 mg, 2 tablets at 8",
        "2000 calories, 10000 steps, 100000 platelets, SpO2 95%, 24/7, 180 lbs",
        "I had surgery on March 5th, 2021 and on 12/03/2024",
        "Tengo 84 años. Hace 12 años me operaron.",
        "La clave es dormir bien. The login is broken.",
        "Mayo Clinic, Johns Hopkins and Cleveland Clinic say so",
    ],
)
def test_the_word_of_medicine_is_never_taken_for_a_person(text: str) -> None:
    assert redact(text).text == text


def test_an_emergency_is_read_before_anything_is_masked() -> None:
    """A name in the sentence costs nothing: screening sees what the patient wrote."""
    said = "My name is Chase Payne and my chest hurts, call 415 555 2671"
    assert "[NAME]" in redact(said).text
    assert screen(said, RULEBOOK).level is Level.EMERGENCY


SHIPPED = [
    line.removeprefix("- ")
    for path in sorted((ROOT / "locales" / "languages").glob("*/topics/*.md"))
    for line in path.read_text(encoding="utf-8").splitlines()
    if line.startswith("- ") and "http" not in line
]


def test_no_word_of_the_reviewed_content_is_taken_for_an_identifier() -> None:
    """What a thing is called in Spanish ("se llama vértigo") is no name."""
    assert len(SHIPPED) > 500
    assert [text for text in SHIPPED if redact(text).spans] == []
