"""Places where Rasa 3.6.21 does the same work over and over; measured, together more than half of a turn's time.

- `Event.resolve_by_type` walks all event classes for every event that is read.
- `RemoteAction` compiles the JSON schema of the action server's reply at every call.
- `RemoteAction` turns the whole domain into JSON for every call; no action here reads it.
- `EndpointConfig` opens a new connection to the action server for every call.
- `DaskGraphRunner` plans the order of the graph's few nodes anew for every text and every prediction.
- `LogisticRegressionClassifier` copies the whole matrix of weights for every text, and stacks one row four times.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from graphlib import TopologicalSorter
from typing import Any

import aiohttp
import numpy as np
from jsonschema.validators import validator_for
from rasa.core.actions.action import RemoteAction
from rasa.engine.exceptions import GraphRunError
from rasa.engine.graph import GraphSchema
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.nlu.classifiers.logistic_regression_classifier import LogisticRegressionClassifier
from rasa.shared.core.events import Event
from rasa.shared.nlu.constants import TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.utils.endpoints import DEFAULT_REQUEST_TIMEOUT, EndpointConfig
from scipy.sparse import csr_matrix

IDLE_CONNECTION_S = 2
"""An idle connection is kept shorter than the action server keeps it (5 s), so that none is used as it is closed."""


def do_repeated_work_once() -> None:
    """Replace them; results are the same, asked twice it changes nothing."""
    if hasattr(Event.resolve_by_type, "cache_info"):
        return
    Event.resolve_by_type = staticmethod(functools.lru_cache(maxsize=None)(Event.resolve_by_type))
    _validate_with_one_schema()
    _call_without_the_domain()
    _keep_the_connection()
    _order_the_graph_once()
    _classify_without_copies()


def _validate_with_one_schema() -> None:
    schema = RemoteAction.action_response_format_spec()
    validator = validator_for(schema)(schema)

    def validate(_self: RemoteAction, result: Any) -> bool:
        validator.validate(result)
        return True

    RemoteAction._validate_action_result = validate


def _call_without_the_domain() -> None:
    make_call = RemoteAction._action_call_format

    def call_without_domain(self: RemoteAction, tracker: Any, domain: Any) -> Any:
        call = make_call(self, tracker, _NoDomain())
        call["domain"] = {}
        return call

    RemoteAction._action_call_format = call_without_domain


class _NoDomain:
    """Stands where the domain is turned into JSON."""

    def as_dict(self) -> dict:
        return {}

    def does_custom_action_explicitly_need_domain(self, _name: str) -> bool:
        return False


def _keep_the_connection() -> None:
    make_session = EndpointConfig.session

    def kept_session(self: EndpointConfig) -> Any:
        if self.basic_auth:
            return make_session(self)
        return _KeptSession(self)

    EndpointConfig.session = kept_session


class _KeptSession:
    """Stands where a session is opened and closed around one request; the one inside lives as long as the process."""

    def __init__(self, endpoint: EndpointConfig) -> None:
        self._endpoint = endpoint

    async def __aenter__(self) -> aiohttp.ClientSession:
        session = getattr(self._endpoint, "_bedside_session", None)
        if session is None or session.closed:
            session = aiohttp.ClientSession(
                headers=self._endpoint.headers,
                timeout=aiohttp.ClientTimeout(total=DEFAULT_REQUEST_TIMEOUT),
                connector=aiohttp.TCPConnector(keepalive_timeout=IDLE_CONNECTION_S),
            )
            self._endpoint._bedside_session = session
        return session

    async def __aexit__(self, *_: object) -> None:
        return None


def _order_the_graph_once() -> None:
    def run(self: DaskGraphRunner, inputs: Any = None, targets: Any = None) -> dict:
        wanted = tuple(targets or self._graph_schema.target_names)
        orders = self.__dict__.setdefault("_bedside_orders", {})
        order = orders.get(wanted)
        if order is None:
            order = orders[wanted] = _order(self._graph_schema, wanted)
        done = {name: (name, value) for name, value in (inputs or {}).items()}
        try:
            for name, needs in order:
                if name not in done:
                    # A need that nobody provides is named in its place; the node complains of it.
                    done[name] = self._instantiated_nodes[name](*(done.get(need, need) for need in needs))
        except RuntimeError as error:
            raise GraphRunError("Error running runner.") from error
        return dict(done[name] for name in wanted)

    DaskGraphRunner.run = run


def _order(schema: GraphSchema, targets: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return the nodes that the targets need, each after what it needs, with the names of its needs."""
    nodes = schema.minimal_graph_schema(list(targets)).nodes
    needs = {name: tuple(node.needs.values()) for name, node in nodes.items()}
    return [(name, needs[name]) for name in TopologicalSorter(needs).static_order() if name in needs]


def _classify_without_copies() -> None:
    make_matrix = LogisticRegressionClassifier._create_X
    load = LogisticRegressionClassifier.load.__func__

    def matrix(self: LogisticRegressionClassifier, messages: list[Message]) -> csr_matrix:
        if len(messages) != 1:
            return make_matrix(self, messages)
        sparse = messages[0].get_sparse_features(attribute=TEXT)[1]
        dense = messages[0].get_dense_features(attribute=TEXT)[1]
        if sparse is None or dense is not None:
            return make_matrix(self, messages)
        return csr_matrix(sparse.features)

    def load_in_order(cls: type, *args: Any, **kwargs: Any) -> LogisticRegressionClassifier:
        component = load(cls, *args, **kwargs)
        weights = getattr(component.clf, "coef_", None)
        if weights is not None:  # read transposed at every text; laid out so that this needs no copy
            component.clf.coef_ = np.asfortranarray(weights)
        return component

    LogisticRegressionClassifier._create_X = matrix
    LogisticRegressionClassifier.load = classmethod(load_in_order)
