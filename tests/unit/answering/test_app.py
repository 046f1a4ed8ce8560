"""The actions process at its two endpoints."""

from __future__ import annotations

import datetime as dt
import json
import logging
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from actions import app as app_module
from actions.answering.embed import PackagedEmbedder
from actions.answering.importing.collection import Collection, ContentFolder, KeptTopic, with_passages
from actions.answering.importing.published import publish
from actions.answering.pipeline import Parts
from actions.answering.retrieve import Retrieved, Retriever
from actions.answering.topic import Source, Topic
from actions.app import build_executor, build_parts, create_app
from actions.errors import IndexNotPrepared, SettingsError
from actions.settings import ActionsSettings, load_settings

TOKEN = "t" * 40
AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def settings(prepared: tuple[Path, Path]) -> ActionsSettings:
    return load_settings(internal_token=TOKEN, locales=prepared[0], data_dir=prepared[1])


@pytest.fixture
def client(settings: ActionsSettings, parts: Parts) -> Iterator[TestClient]:
    with TestClient(create_app(settings, parts)) as ready:
        yield ready


def lines(client: TestClient, order: dict[str, Any]) -> list[dict[str, Any]]:
    response = client.post("/answers", json=order, headers=AUTHORISED)
    assert response.status_code == 200
    return [json.loads(line) for line in response.text.splitlines()]


def test_sentences_come_first_and_the_whole_answer_last(client: TestClient) -> None:
    told = lines(client, {"question": "What is sunburn?", "language": "en", "country": "US", "message_id": "m1"})
    assert [line["sentence"]["index"] for line in told[:-1]] == list(range(len(told) - 1))
    assert told[-1]["answer"]["kind"] == "answer"
    assert [line["sentence"]["text"] for line in told[:-1]] == [s["text"] for s in told[-1]["answer"]["sentences"]]


def test_abstaining_is_one_line(client: TestClient) -> None:
    (only,) = lines(client, {"question": "what is lupus?", "language": "en"})
    assert (only["answer"]["kind"], only["answer"]["abstained"], only["answer"]["text"]) == ("refusal", True, "")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}])
def test_without_the_token_nothing_is_answered(header: dict[str, str], client: TestClient) -> None:
    assert client.post("/answers", json={"question": "What is sunburn?"}, headers=header).status_code == 401


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b'{"question": ""}'])
def test_an_order_that_cannot_be_read_is_refused_in_words(body: bytes, client: TestClient) -> None:
    response = client.post("/answers", content=body, headers=AUTHORISED)
    assert response.status_code == 422
    assert response.json()["error"]


class FailingRetriever(Retriever):
    """Breaks with the patient's words in its message, as foreign code does."""

    def __init__(self) -> None:
        pass

    def retrieve(self, question: str, language: str, topic_hint: str | None = None) -> Retrieved:
        raise RuntimeError(f"cannot search for {question}")


def test_a_failure_is_said_without_the_patients_words(
    settings: ActionsSettings, parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    app = create_app(settings, replace(parts, retriever=FailingRetriever()))
    with caplog.at_level(logging.DEBUG), TestClient(app) as failing:
        (only,) = lines(failing, {"question": "canary sunburn", "message_id": "m1"})
    assert only == {"error": "RuntimeError"}
    assert "m1" in caplog.text
    assert "canary" not in caplog.text


def test_health_says_how_many_actions_there_are(client: TestClient) -> None:
    assert client.get("/health").json()["actions"] >= 1


def test_every_action_class_of_the_package_is_registered() -> None:
    names = set(build_executor().actions)
    assert "action_answer_question" in names
    assert all(name.startswith(("action_", "validate_")) for name in names)


def test_an_action_that_does_not_exist_is_not_found(client: TestClient) -> None:
    response = client.post("/webhook", json={"next_action": "action_nothing"})
    assert (response.status_code, response.json()["action_name"]) == (404, "action_nothing")


def test_what_is_no_action_call_is_refused(client: TestClient) -> None:
    assert client.post("/webhook", content=b"{").status_code == 400


def test_an_action_runs_as_rasa_calls_it(client: TestClient) -> None:
    call = {
        "next_action": "action_answer_question",
        "sender_id": "c1",
        "tracker": {
            "sender_id": "c1",
            "slots": {"consent": "given", "topic": None},
            "latest_message": {"text": "What is sunburn?", "intent": {"name": "ask_health_question"}, "entities": []},
            "events": [{"event": "user", "text": "What is sunburn?", "message_id": "m1", "parse_data": {}}],
            "paused": False,
            "followup_action": None,
            "active_loop": {},
            "latest_action_name": "action_listen",
            "latest_input_channel": "bedside",
        },
        "domain": {},
        "version": "3.6.21",
    }
    response = client.post("/webhook", json=call)
    assert response.status_code == 200, response.text
    assert "order" in response.json()["responses"][0]["custom"]


def test_an_action_that_breaks_is_said_without_the_patients_words(client: TestClient) -> None:
    call = {"next_action": "action_answer_question", "tracker": {"canary": 1}, "domain": {"intents": ["canary"]}}
    response = client.post("/webhook", json=call)
    assert response.status_code == 500
    assert "canary" not in response.text


def test_content_that_is_not_embedded_stops_the_start(settings: ActionsSettings, tmp_path: Path) -> None:
    with pytest.raises(IndexNotPrepared, match="run the set-up again"):
        build_parts(settings.model_copy(update={"data_dir": tmp_path}))


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "BEDSIDE_INTERNAL_TOKEN is missing"),
        ({"BEDSIDE_INTERNAL_TOKEN": "short"}, "BEDSIDE_INTERNAL_TOKEN is wrong (it is shorter than 32 characters)"),
        ({"BEDSIDE_INTERNAL_TOKEN": TOKEN, "BEDSIDE_ACTIONS_PORT": "99999"}, "BEDSIDE_ACTIONS_PORT is wrong"),
        ({"BEDSIDE_INTERNAL_TOKEN": TOKEN, "BEDSIDE_ANSWER_MODE": "creative"}, "set it to verbatim or drafted"),
        ({"BEDSIDE_INTERNAL_TOKEN": TOKEN, "BEDSIDE_LANGUAGES": " , "}, "BEDSIDE_LANGUAGES is wrong"),
        ({"BEDSIDE_INTERNAL_TOKEN": TOKEN, "BEDSIDE_MODEL_URL": "localhost:8000"}, "BEDSIDE_MODEL_URL is wrong"),
        ({"BEDSIDE_INTERNAL_TOKEN": TOKEN, "BEDSIDE_MODEL_URL": "http://x/v1"}, "BEDSIDE_MODEL_NAME is not"),
        ({"BEDSIDE_SECRETS_DIR": "/nowhere/at/all"}, "BEDSIDE_SECRETS_DIR is wrong"),
    ],
)
def test_a_wrong_setting_is_one_sentence(
    variables: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("INTERNAL_TOKEN", "ACTIONS_PORT", "LANGUAGES", "SECRETS_DIR"):
        monkeypatch.delenv(f"BEDSIDE_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as wrong:
        load_settings()
    assert sentence in str(wrong.value)
    assert TOKEN not in str(wrong.value)


def test_secrets_may_stand_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BEDSIDE_INTERNAL_TOKEN", raising=False)
    (tmp_path / "bedside_internal_token").write_text(TOKEN, encoding="utf-8")
    monkeypatch.setenv("BEDSIDE_SECRETS_DIR", str(tmp_path))
    assert load_settings().internal_token.get_secret_value() == TOKEN


def test_what_is_imported_is_answered_from_without_a_new_start_and_without_a_lost_request(
    settings: ActionsSettings, embedder: PackagedEmbedder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """While one index takes the place of another, every question gets its answer."""
    monkeypatch.setattr(app_module, "_SECONDS_BETWEEN_LOOKS", 0.02)
    shutil.copytree(settings.data_dir, tmp_path / "data")
    fresh = load_settings(internal_token=TOKEN, locales=settings.locales, data_dir=tmp_path / "data")
    order = {"question": "What is a stoma?", "language": "en", "country": "GB"}
    with TestClient(create_app(fresh)) as client:
        assert lines(client, order)[-1]["answer"]["abstained"]
        keep_collection(ContentFolder(fresh.data_dir))
        publish(fresh.data_dir, embedder)
        told: list[dict[str, Any]] = []
        while len(told) < 2_000 and [answer["kind"] for answer in told].count("answer") < 20:
            told.append(lines(client, order)[-1]["answer"])
        kinds = [answer["kind"] for answer in told]
        assert kinds[-20:] == ["answer"] * 20  # once taken up, it stays
        assert set(kinds[:-20]) <= {"refusal"}
    assert told[-1]["text"] == "A stoma is an opening on the belly."
    assert told[-1]["citations"] == [
        {
            "id": "leaflets_stoma/in_short/1",
            "title": "Stoma (stoma.md)",
            "url": "",
            "publisher": "Hill Clinic",
            "reviewed_on": None,
        }
    ]


def keep_collection(folder: ContentFolder) -> None:
    today = dt.date(2026, 11, 24)
    bare = Topic(
        id="leaflets_stoma",
        title="Stoma",
        language="en",
        synonyms=(),
        audience=("adult",),
        sources=(Source("Hill Clinic", "Stoma (stoma.md)", "", today),),
        written_on=today,
        reviewed_by=None,
        reviewed_on=None,
        review_due=today,
        related=(),
        passages=(),
    )
    topic = with_passages(bare, [("in_short", "A stoma is an opening on the belly.", "")])
    kept = KeptTopic(topic, "stoma.md", "made from a test")
    folder.replace(Collection("leaflets", "/leaflets", "Hill Clinic", "none", today, (), (kept,)))
