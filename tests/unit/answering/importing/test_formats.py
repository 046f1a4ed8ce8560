"""Leaflets of every format become passages that stand alone; what cannot be read is refused with its remedy."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import docx
import pytest
from docx.shared import Pt
from pypdf import PdfWriter

from actions.answering.importing.collection import ContentFolder
from actions.answering.importing.take_in import Outcome
from tests.unit.answering.importing.conftest import LEAFLET, Take, file_report, kept, passages_of

XML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE health-topics SYSTEM "mplus_topics.dtd">
<health-topics total="3" date-generated="11/20/2026 02:30:37">
<health-topic meta-desc="About gout." title="Gout" url="https://medlineplus.gov/gout.html" id="1" language="English"
 date-created="01/31/2004">
  <also-called>Gouty arthritis</also-called>
  <full-summary>&lt;h3&gt;What is gout?&lt;/h3&gt;&lt;p&gt;Gout is a kind of arthritis. It makes joints hurt.&lt;/p&gt;
  &lt;p&gt;Call 911 if a joint hurts and breathing is hard.&lt;/p&gt;
  &lt;h3&gt;What are the symptoms of gout?&lt;/h3&gt;&lt;p&gt;Symptoms include:&lt;/p&gt;
  &lt;ul&gt;&lt;li&gt;Pain&lt;/li&gt;&lt;li&gt;Swelling&lt;/li&gt;&lt;/ul&gt;</full-summary>
  <group url="https://medlineplus.gov/bones.html" id="5">Bones</group>
  <see-reference>Podagra</see-reference>
  <site title="Elsewhere" url="https://example.org"><organization>X</organization></site>
</health-topic>
<health-topic title="Gota" url="https://medlineplus.gov/spanish/gout.html" id="2" language="Spanish">
  <full-summary>&lt;p&gt;La gota es un tipo de artritis. Causa dolor en las articulaciones.&lt;/p&gt;</full-summary>
</health-topic>
<health-topic title="Bare" url="https://medlineplus.gov/bare.html" id="3" language="English"></health-topic>
</health-topics>
"""


def pdf(*pages: str, title: str = "") -> bytes:
    """The smallest PDF that shows these pages of lines."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, page in enumerate(pages):
        lines = "".join(f"({line}) Tj T* " for line in page.split("\n"))
        stream = f"BT /F1 12 Tf 14 TL 72 720 Td {lines}ET".encode("latin-1")
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * number} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>".encode(),
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        ]
    if title:
        objects.append(f"<< /Title ({title}) >>".encode())
    made, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(made))
        made += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    info = b" /Info %d 0 R" % len(objects) if title else b""
    count = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF" % (count, info, len(made))
    return made + b"xref\n0 %d\n0000000000 65535 f \n" % count + table + trailer


PAGES = (
    "Knee brace\n"
    "A knee brace holds the knee still while it heals. It is worn over the\n"
    "clothes, and it is taken off at night unless the clinic says other-\n"
    "wise.\n"
    "\n"
    "How do I wash the brace?\n"
    "Wash the brace by hand with mild soap.\n"
    "1",
    "When should I call the clinic?\nCall the clinic if the foot turns cold or blue.\n2",
)


def test_the_xml_of_medlineplus_becomes_topics_in_both_languages(
    source: Path, take: Take, folder: ContentFolder
) -> None:
    """Title, other names, address, headings and lists are kept; a topic without a summary is refused by itself."""
    path = source / "mplus_topics_2026-11-20.xml"
    path.write_text(XML, encoding="utf-8")
    report = take(path)
    assert (report.collection, report.topics) == ("medlineplus", 2)
    assert [one.key for one in report.files[0].refused_documents] == ["Bare"]
    gout, gota = (one.topic for one in kept(folder, "medlineplus").topics)
    assert (gout.title, gout.language, gout.synonyms) == ("Gout", "en", ("Gouty arthritis", "Podagra"))
    assert (gota.title, gota.language) == ("Gota", "es")
    assert gout.sources[0].url == "https://medlineplus.gov/gout.html"
    assert gout.sources[0].publisher.startswith("MedlinePlus")
    assert gout.reviewed_by is None
    texts = [(passage.section, passage.text) for passage in gout.passages]
    assert ("in_short", "Gout is a kind of arthritis. It makes joints hurt.") in texts
    assert ("get_help_now", "Call {emergency_number} if a joint hurts and breathing is hard.") in texts
    assert any(text == "Symptoms include: Pain; Swelling." for _, text in texts)


def test_lines_of_json_become_topics_packed_or_not(source: Path, take: Take, folder: ContentFolder) -> None:
    line = {
        "id": "mplus-1", "title": "Hives", "language": "English", "url": "https://medlineplus.gov/hives.html",
        "text": "Hives are red bumps on the skin. They itch.\nThey come from:\n\nFoods\nInsect bites\n\nNIH",
    }  # fmt: skip
    path = source / "topics.jsonl.gz"
    path.write_bytes(gzip.compress(f"{json.dumps(line)}\nnot json\n".encode()))
    report = take(path)
    assert report.collection == "medlineplus"
    assert [one.key for one in report.files[0].refused_documents] == ["line 2"]
    assert list(passages_of(folder, "medlineplus").values()) == [
        "Hives are red bumps on the skin. They itch.",
        "They come from: Foods; Insect bites.",
    ]


def test_markdown_becomes_passages_in_the_sections_that_its_headings_name(
    source: Path, take: Take, folder: ContentFolder
) -> None:
    (source / "stoma.md").write_text(LEAFLET, encoding="utf-8")
    report = take(source, publisher="Hill Clinic", licence="CC BY 4.0")
    assert report.files[0].outcome is Outcome.TAKEN
    assert passages_of(folder, "leaflets") == {
        "leaflets_stoma_care/in_short/1": (
            "A stoma is an opening on the belly. It lets waste leave the body into a bag."
        ),
        "leaflets_stoma_care/what_you_can_do/1": "Wash the skin around the stoma with warm water every day.",
        "leaflets_stoma_care/what_you_can_do/2": "Empty the bag when it is one third full.",
        "leaflets_stoma_care/see_someone/1": "Call the doctor if the skin around the stoma is sore or bleeds.",
    }
    collection = kept(folder, "leaflets")
    assert (collection.publisher, collection.licence) == ("Hill Clinic", "CC BY 4.0")
    assert collection.topics[0].topic.passages[0].source_title == "Stoma care (stoma.md)"


def test_front_matter_says_title_publisher_and_address(source: Path, take: Take, folder: ContentFolder) -> None:
    front = "---\ntitle: Warts\npublisher: Skin Trust\nurl: https://example.org/warts\nupdated: 2025-03-01\n---\n"
    (source / "w.md").write_text(f"{front}Warts are small growths on the skin.\n", encoding="utf-8")
    take(source)
    topic = kept(folder, "leaflets").topics[0].topic
    assert (topic.title, topic.written_on.isoformat()) == ("Warts", "2025-03-01")
    assert (topic.sources[0].publisher, topic.sources[0].url) == ("Skin Trust", "https://example.org/warts")


def test_html_gives_what_a_reader_sees(source: Path, take: Take, folder: ContentFolder) -> None:
    """Menus, scripts, comments and hidden text are none of the leaflet."""
    (source / "page.html").write_text(
        """<html lang="en"><head><title>Site</title><link rel="canonical" href="https://example.org/cast">
        <script>var a = "Never shown at all.";</script></head><body><nav><a>Home is a menu entry.</a></nav>
        <h1>Cast care</h1><p>A cast keeps a broken <b>bone</b> still.<!-- Not seen by any reader. --></p>
        <p style="display: none">This line is hidden from all readers.</p>
        <h2>What can I do at home?</h2><ul><li>Keep the cast dry at all times.</li></ul>
        <table><tr><td>Cover the cast with a bag in the shower.</td></tr></table></body></html>""",
        encoding="utf-8",
    )
    take(source)
    assert list(passages_of(folder, "leaflets").values()) == [
        "A cast keeps a broken bone still.",
        "Keep the cast dry at all times.",
        "Cover the cast with a bag in the shower.",
    ]
    topic = kept(folder, "leaflets").topics[0].topic
    assert (topic.title, topic.sources[0].url) == ("Cast care", "https://example.org/cast")


def test_a_pdf_gives_its_text_with_lines_and_words_joined(source: Path, take: Take, folder: ContentFolder) -> None:
    (source / "brace.pdf").write_bytes(pdf(*PAGES, title="Knee brace"))
    report = take(source)
    assert report.files[0].problem == ""
    assert list(passages_of(folder, "leaflets").values()) == [
        "A knee brace holds the knee still while it heals. It is worn over the clothes, and it is taken off at night"
        " unless the clinic says otherwise.",
        "Wash the brace by hand with mild soap.",
        "Call the clinic if the foot turns cold or blue.",
    ]


def test_a_docx_gives_headings_lists_and_tables_and_no_hidden_text(
    source: Path, take: Take, folder: ContentFolder
) -> None:
    made = docx.Document()
    made.add_heading("Eye drops", 0)
    made.add_paragraph("Eye drops keep the eye moist. They may sting for a moment.")
    made.add_heading("What can I do at home?", 1)
    made.add_paragraph("Wash both hands before using eye drops.", style="List Bullet")
    hidden = made.add_paragraph().add_run("Nobody can see this hidden sentence.")
    hidden.font.hidden = True
    hidden.font.size = Pt(8)
    table = made.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Storage", "Keep the bottle in the fridge."
    made.save(str(source / "drops.docx"))
    take(source)
    assert list(passages_of(folder, "leaflets").values()) == [
        "Eye drops keep the eye moist. They may sting for a moment.",
        "Wash both hands before using eye drops.",
        "Storage: Keep the bottle in the fridge.",
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_questions_and_answers_become_a_topic_each(
    delimiter: str, source: Path, take: Take, folder: ContentFolder
) -> None:
    rows = [
        ["Question", "Answer", "URL"],
        ["Where can I park at the clinic?", "Park behind the clinic. It is free.", "https://example.org/park"],
        ["When is the lab open?", "", ""],
    ]
    path = source / "faq.csv"
    path.write_text("\n".join(delimiter.join(row) for row in rows), encoding="utf-8")
    report = take(path)
    assert [one.key for one in report.files[0].refused_documents] == ["line 3"]
    (topic,) = (one.topic for one in kept(folder, "faq").topics)
    assert topic.title == "Where can I park at the clinic?"
    assert [passage.text for passage in topic.passages] == ["Park behind the clinic. It is free."]
    assert topic.sources[0].url == "https://example.org/park"


def encrypted_pdf() -> bytes:
    return written(PdfWriter(), password="secret")


def scanned_pdf() -> bytes:
    return written(PdfWriter())


def written(writer: PdfWriter, password: str = "") -> bytes:
    writer.add_blank_page(100, 100)
    if password:
        writer.encrypt(password, algorithm="AES-256")
    made = io.BytesIO()
    writer.write(made)
    return made.getvalue()


REFUSED: dict[str, tuple[bytes | Callable[[], bytes], str]] = {
    "empty.md": (b"", "it is empty"),
    "spaces.txt": (b"  \n ", "it is empty"),
    "latin.md": ("# Fiebre\n\nLa fiebre es señal de infección.".encode("latin-1"), "is not UTF-8"),
    "wide.txt": ("Fever is high heat.".encode("utf-16"), "it is UTF-16"),
    "binary.md": (b"abc\0\1\2def", "it is binary"),
    "front.md": (b"---\ntitle: [\n---\nFever is a high body heat.", "its front matter is broken"),
    "words.html": (b"<html><body><script>x</script></body></html>", "it holds no words"),
    "broken.pdf": (b"%PDF-1.7\n" + b"garbage " * 40, "it is broken"),
    "not.pdf": (b"PK\x03\x04 this is a zip", "it is not a PDF"),
    "secret.pdf": (encrypted_pdf, "it is encrypted"),
    "scan.pdf": (scanned_pdf, "probably a scan"),
    "broken.docx": (b"PK\x03\x04 cut off", "it is broken or no DOCX"),
    "old.docx": (b"\xd0\xcf\x11\xe0" + b"\0" * 600, "an old DOC"),
    "table.csv": (b"name,phone\nA,1\n", "the columns question and answer"),
    "other.xml": (b"<catalog><book/></catalog>", "not the health topics of MedlinePlus"),
    "cut.xml": (XML[:900].encode(), "its XML is broken"),
    "bomb.xml": (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><health-topics>&b;</health-topics>',
        "it defines entities",
    ),
    "cut.jsonl.gz": (gzip.compress(b'{"title": "A", "text": "B is a letter."}' * 99)[:40], "cut off"),
    "none.jsonl": (b"{}\n[]\n", "no line of it holds a topic"),
    "photo.png": (b"\x89PNG\r\n", "it is a picture"),
    "sheet.xlsx": (b"PK", "save it as CSV"),
    "noending": (b"Fever is heat.", "no format that can be read"),
}


def test_what_cannot_be_read_is_refused_with_its_remedy_and_the_rest_is_taken(
    source: Path, take: Take, folder: ContentFolder
) -> None:
    """A broken file never breaks the run or the index."""
    (source / "stoma.md").write_text(LEAFLET, encoding="utf-8")
    for name, (content, _) in REFUSED.items():
        (source / name).write_bytes(content() if callable(content) else content)
    report = take(source)
    assert report.is_refusal
    for name, (_, problem) in REFUSED.items():
        found = file_report(report, name)
        assert found.outcome is Outcome.REFUSED, name
        assert problem in found.problem, (name, found.problem)
        assert ";" in found.problem or "," in found.problem, name
    assert file_report(report, "stoma.md").outcome is Outcome.TAKEN
    assert {one.file for one in kept(folder, "leaflets").topics} == {"stoma.md"}


def test_a_huge_file_is_refused_before_it_is_read(source: Path, take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actions.answering.importing.files._LARGEST_TEXT", 100)
    (source / "long.md").write_text("Fever is a high body heat.\n" * 50, encoding="utf-8")
    assert "split it" in file_report(take(source), "long.md").problem


def test_what_tells_of_the_folder_is_left_out(source: Path, take: Take) -> None:
    (source / "README.md").write_text("This folder holds our leaflets.", encoding="utf-8")
    (source / "stoma.md").write_text(LEAFLET, encoding="utf-8")
    report = take(source)
    assert file_report(report, "README.md").outcome is Outcome.LEFT_OUT
    assert not report.is_refusal


def test_a_link_out_of_the_folder_is_not_followed(source: Path, take: Take, tmp_path: Path) -> None:
    outside = tmp_path / "secret.md"
    outside.write_text("# Secret\n\nThis stands outside of the folder.", encoding="utf-8")
    (source / "link.md").symlink_to(outside)
    (source / "stoma.md").write_text(LEAFLET, encoding="utf-8")
    assert [one.file for one in take(source).files] == ["stoma.md"]


def test_a_language_that_answers_are_not_given_in_is_refused(source: Path, take: Take) -> None:
    (source / "fr.html").write_text(
        '<html lang="fr"><body><p>La fièvre est une hausse de la chaleur du corps.</p></body></html>', encoding="utf-8"
    )
    assert "it is in fr" in file_report(take(source), "fr.html").problem


def test_the_language_is_seen_where_nobody_says_it(source: Path, take: Take, folder: ContentFolder) -> None:
    (source / "gripe.md").write_text(
        "# La gripe\n\nLa gripe es una infección de la nariz y de la garganta. Se contagia por el aire.\n",
        encoding="utf-8",
    )
    take(source)
    assert kept(folder, "leaflets").topics[0].topic.language == "es"


def test_an_item_is_never_cut_off_from_what_turns_it_into_advice_or_into_a_risk(
    source: Path, take: Take, folder: ContentFolder
) -> None:
    """ "Take much niacin" is a risk of gout; alone it would be an order."""
    text = (
        "Gout is a kind of arthritis that hurts.\nWho is at risk for gout?\nYou are more likely to get gout if you:\n\n"
        "Are male\nHave other illnesses, such as:\nHeart failure\nObesity\nHave a family history of gout.\n"
        "Take high amounts of niacin every single day.\nThe risk of gout also grows with age in all people.\n\n"
        "Drink a lot of beer every day."
    )
    path = source / "gout.jsonl"
    path.write_text(json.dumps({"title": "Gout", "text": text}), encoding="utf-8")
    (source / "gout.html").write_text(
        "<h1>Gout risks</h1><h2>Who is at risk for gout?</h2><ul><li>Take high amounts of niacin every day.</li>"
        "<li>Have other illnesses, such as:<ul><li>Heart failure</li><li>Obesity</li></ul></li></ul>"
    )
    take(source)
    assert list(passages_of(folder, "leaflets").values()) == [
        "Who is at risk for gout? Take high amounts of niacin every day; Have other illnesses, such as: Heart failure,"
        " Obesity.",
        "Gout is a kind of arthritis that hurts.",
        "You are more likely to get gout if you: Are male; Have other illnesses, such as: Heart failure, Obesity; Have"
        " a family history of gout; Take high amounts of niacin every single day.",
        "The risk of gout also grows with age in all people.",
    ]


def test_other_names_are_taken_from_title_and_first_words(source: Path, take: Take, folder: ContentFolder) -> None:
    (source / "als.md").write_text(
        "# Kissing Disease (KD)\n\nKissing disease, also called mononucleosis or mono, is caused by a virus.\n",
        encoding="utf-8",
    )
    take(source)
    assert kept(folder, "leaflets").topics[0].topic.synonyms == ("Kissing Disease", "KD")
    (source / "als.md").write_text(
        "# Kissing Disease\n\nKissing disease, also called mononucleosis or mono, is caused by a virus.\n",
        encoding="utf-8",
    )
    take(source)
    assert kept(folder, "leaflets").topics[0].topic.synonyms == ("mononucleosis", "mono")
