"""What operators may count: kinds, levels, durations. Never a word, an id or a pseudonym."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

TURN_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The gateway's counters, in a registry of their own so that tests can have several."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    turns: Counter = field(init=False)
    turn_seconds: Histogram = field(init=False)
    replies: Counter = field(init=False)
    verdicts: Counter = field(init=False)
    failures: Counter = field(init=False)
    feedback: Counter = field(init=False)
    answers: Counter = field(init=False)
    answer_seconds: Histogram = field(init=False)
    accepted: Counter = field(init=False)
    refused_requests: Counter = field(init=False)
    waiting_cases: Gauge = field(init=False)

    def __post_init__(self) -> None:
        def put(name: str, value: object) -> None:
            object.__setattr__(self, name, value)

        registry = self.registry
        put("turns", Counter("bedside_turns", "Turns handled", ["channel", "outcome"], registry=registry))
        put(
            "turn_seconds",
            Histogram(
                "bedside_turn_seconds", "Message taken up to reply stored", buckets=TURN_BUCKETS_S, registry=registry
            ),
        )
        put("replies", Counter("bedside_replies", "Replies stored", ["kind"], registry=registry))
        put("verdicts", Counter("bedside_verdicts", "Screening verdicts", ["decision", "level"], registry=registry))
        put("failures", Counter("bedside_failures", "Parts that failed in a turn", ["part"], registry=registry))
        put("feedback", Counter("bedside_feedback", "Answers rated by patients", ["helpful"], registry=registry))
        put("answers", Counter("bedside_answers", "Orders carried out", ["outcome"], registry=registry))
        put(
            "answer_seconds",
            Histogram("bedside_answer_seconds", "Order placed to answer stored", registry=registry),
        )
        put("accepted", Counter("bedside_messages_accepted", "Messages stored", ["channel"], registry=registry))
        put(
            "refused_requests",
            Counter("bedside_requests_refused", "Requests refused", ["status"], registry=registry),
        )
        put("waiting_cases", Gauge("bedside_cases_waiting", "Cases that wait", ["level"], registry=registry))
