"""The Rasa project holds together: intents, rules, examples, actions and words name each other and nothing else."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from rasa_sdk import Action

import actions
from careguard.strict_yaml import read_yaml

REPOSITORY = Path(__file__).resolve().parents[2]
PROJECT = REPOSITORY / "bot" / "dialogue"
LANGUAGES = sorted(path.name for path in (PROJECT / "data" / "nlu").iterdir() if path.is_dir())

TOLD_ONLY = {
    "give_consent",
    "refuse_consent",
    "confirm_erase",
    "cancel_erase",
    "cancel_handoff",
    "choose_topic",
    "feedback_reason",
    "emergency",
    "crisis",
    "urgent",
    "emergency_acknowledged",
    "emergency_declined",
    "refused_by_screen",
    "no_answer_found",
    "case_resolved",
}
"""Intents that only the gateway tells: a patient must not be able to write oneself into one."""

FEWEST_EXAMPLES = {"ask_health_question": 40, "out_of_scope": 40}
FEWEST_EXAMPLES_OF_ANY = 15


def domain(part: str) -> Any:
    return read_yaml(PROJECT / "domain" / f"{part}.yml")


def intents() -> set[str]:
    return set(domain("intents")["intents"])


def rules() -> list[dict[str, Any]]:
    return [rule for path in sorted((PROJECT / "data" / "rules").glob("*.yml")) for rule in read_yaml(path)["rules"]]


def examples(language: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in sorted((PROJECT / "data" / "nlu" / language).glob("*.yml")):
        for entry in read_yaml(path)["nlu"]:
            if "intent" in entry:
                lines = [line.removeprefix("- ").strip() for line in entry["examples"].splitlines()]
                found.setdefault(entry["intent"], []).extend(filter(None, lines))
    return found


def action_classes() -> dict[str, type]:
    """Return the action classes of the package, by module name."""
    found = {}
    for module_info in pkgutil.iter_modules(actions.__path__):
        if module_info.ispkg or module_info.name in {"app", "settings", "errors"}:
            continue
        module = importlib.import_module(f"actions.{module_info.name}")
        for _, member in inspect.getmembers(module, inspect.isclass):
            if issubclass(member, Action) and member.__module__ == module.__name__:
                assert module_info.name not in found, f"{module_info.name} holds more than one action"
                found[module_info.name] = member
    return found


def messages_of(payload: dict[str, Any]) -> list[dict[str, Any]]:
    return payload.get("messages") or [payload]


def responses() -> dict[str, list[dict[str, Any]]]:
    loaded: dict[str, list[dict[str, Any]]] = domain("responses")["responses"]
    return loaded


def reply_ids_in_responses() -> set[str]:
    variations = chain.from_iterable(responses().values())
    messages = chain.from_iterable(messages_of(variation["custom"]) for variation in variations)
    return {message["reply"] for message in messages if "reply" in message}


def reply_ids_in_actions() -> set[str]:
    """Return the ids that the actions' code hands to `reply(…)`."""
    found = set()
    for name in action_classes():
        for node in ast.walk(ast.parse((REPOSITORY / "actions" / f"{name}.py").read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "reply":
                found |= {
                    leaf.value
                    for leaf in ast.walk(node)
                    if isinstance(leaf, ast.Constant) and isinstance(leaf.value, str)
                }
    return found


def catalogue() -> dict[str, Any]:
    loaded: dict[str, Any] = read_yaml(REPOSITORY / "locales" / "replies.yaml")
    return loaded


def test_the_actions_of_the_domain_are_exactly_the_action_classes_each_in_a_file_of_its_name() -> None:
    classes = action_classes()
    assert {f"action_{name}" for name in classes} == set(domain("actions")["actions"])
    for name, action in classes.items():
        assert action().name() == f"action_{name}"
        assert action.__name__ == "Action" + "".join(word.capitalize() for word in name.split("_"))


def test_every_intent_has_a_rule_and_every_rule_an_intent_and_actions_that_exist() -> None:
    known_actions = set(domain("actions")["actions"]) | set(responses()) | {"action_listen"}
    used = set()
    for rule in rules():
        for step in rule["steps"]:
            if "intent" in step:
                used.add(step["intent"])
            if "action" in step:
                assert step["action"] in known_actions, rule["rule"]
    assert used == intents()


def test_every_response_is_used() -> None:
    used = {step.get("action") for rule in rules() for step in rule["steps"]}
    assert set(responses()) - used == {"utter_default"}


def test_rule_names_are_sentences_of_their_own() -> None:
    names = Counter(rule["rule"] for rule in rules())
    assert not [name for name, count in names.items() if count > 1]


def test_rasa_holds_no_words() -> None:
    """Responses are payloads of known shapes; a text would be one that no clinician and no translator has seen."""
    for name, variations in responses().items():
        for variation in variations:
            assert set(variation) <= {"custom", "condition"}, name
            for message in messages_of(variation["custom"]):
                assert len(message) == 1, name
                assert set(message) <= {"reply", "handoff", "effect"}, name


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_patients_mean_has_enough_examples_in_every_language(language: str) -> None:
    found = examples(language)
    assert set(found) == intents() - TOLD_ONLY - {"nlu_fallback"}
    for intent, lines in found.items():
        assert len(lines) >= FEWEST_EXAMPLES.get(intent, FEWEST_EXAMPLES_OF_ANY), f"{intent} in {language}"


def test_no_example_is_given_twice() -> None:
    """One text cannot mean two things; where languages share a word, they must agree on what it means."""
    meanings: dict[str, set[str]] = {}
    for language in LANGUAGES:
        texts = [(line.casefold(), intent) for intent, lines in examples(language).items() for line in lines]
        assert not [text for text, count in Counter(text for text, _ in texts).items() if count > 1], language
        for text, intent in texts:
            meanings.setdefault(text, set()).add(intent)
    assert not {text: intents for text, intents in meanings.items() if len(intents) > 1}


def test_every_reply_that_dialogue_names_has_words() -> None:
    assert reply_ids_in_responses() | reply_ids_in_actions() <= set(catalogue()["replies"])


def test_every_refused_category_has_words_of_its_own() -> None:
    own_words = {
        condition["value"] for variation in responses()["utter_refusal"] for condition in variation.get("condition", [])
    }
    refused = {
        rule["category"]
        for name in ("attacks", "boundaries")
        for rule in read_yaml(REPOSITORY / "guardrails" / "rules" / f"{name}.yaml")["rules"]
        if rule["level"] == "none"
    }
    assert own_words == refused


def test_what_a_yes_is_about_is_set_anew_by_every_message() -> None:
    """An intent that the slot forgets would let a later "yes" answer an old question, for example erase."""
    slot = domain("slots")["slots"]["awaiting"]
    *special, other = slot["mappings"]
    named = [intent for mapping in special for intent in _as_list(mapping["intent"])]
    assert len(named) == len(set(named))
    assert set(other["not_intent"]) == {"affirm", "deny", *named}
    assert other["value"] == "nothing"
    assert set(named) <= intents()
    assert {mapping["value"] for mapping in special} | {"nothing", "consent"} == set(slot["values"])


def test_every_kind_of_question_has_a_rule_for_yes_and_for_no() -> None:
    answered = {
        (step["intent"], condition["awaiting"])
        for rule in rules()
        for conditions in rule.get("condition", [])
        for condition in conditions["slot_was_set"]
        for step in rule["steps"]
        if step.get("intent") in {"affirm", "deny"}
    }
    values = set(domain("slots")["slots"]["awaiting"]["values"]) - {"nothing"}
    assert answered == {(intent, value) for intent in ("affirm", "deny") for value in values}


def test_a_form_could_never_swallow_a_red_flag() -> None:
    """Every mapping that takes free text, and every form, must let go of red flags and of a call for a person."""
    guarded = {"emergency", "crisis", "urgent", "ask_person", "deny", "stop"}
    for path in sorted((PROJECT / "domain").glob("*.yml")):
        loaded = read_yaml(path)
        for name, slot in loaded.get("slots", {}).items():
            for mapping in slot["mappings"]:
                if mapping["type"] == "from_text":
                    assert guarded <= set(_as_list(mapping.get("not_intent", []))), name
        for name, form in (loaded.get("forms") or {}).items():
            assert guarded <= set(_as_list(form.get("ignored_intents", []))), name


def test_the_project_opens_no_other_door() -> None:
    assert list(read_yaml(PROJECT / "credentials.yml")) == ["extensions.channel.BedsideChannel"]
    assert "selective_domain" not in (PROJECT / "endpoints.yml").read_text(encoding="utf-8")


def test_extensions_stand_alone() -> None:
    """They run inside Rasa's environment, where nothing of the application is installed."""
    for path in sorted((PROJECT / "extensions").glob("*.py")):
        assert not re.search(r"^\s*(from|import) (bot|actions|careguard)\b", path.read_text(encoding="utf-8"), re.M), (
            path
        )


def test_only_the_extensions_import_rasa() -> None:
    own = [
        path for folder in ("bot", "actions", "guardrails/careguard") for path in (REPOSITORY / folder).rglob("*.py")
    ]
    importing = {
        path.relative_to(REPOSITORY).parent.as_posix()
        for path in own
        if re.search(r"^\s*(from|import) rasa(\.|\s)", path.read_text(encoding="utf-8"), re.M)
    }
    assert importing == {"bot/dialogue/extensions"}


def test_the_lock_holds_pinned_versions_no_host_and_no_tensorflow() -> None:
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = [line for line in lines if line and not line.startswith("#")]
    assert "rasa==3.6.21" in pinned
    for line in pinned:
        assert re.fullmatch(r"[a-z0-9._-]+(\[[a-z0-9,._-]+\])?==[^ ]+( ; .+)?", line), line
        assert not line.startswith(("tensorflow", "keras", "jax")), line


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
