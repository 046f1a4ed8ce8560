"""Who somebody is goes; what matters for health stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from careguard.privacy import redact


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
