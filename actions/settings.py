"""The settings of the actions process: read once from the environment, frozen, handed down as an argument.

Before the line: a wrong or missing setting stops the process with one sentence. Names begin with BEDSIDE_; secrets may
stand in files of the folder that BEDSIDE_SECRETS_DIR names.
"""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from actions.errors import SettingsError

_REPOSITORY = Path(__file__).resolve().parents[1]
_PREFIX = "BEDSIDE_"


class AnswerMode(StrEnum):
    """How answers are made."""

    VERBATIM = "verbatim"
    DRAFTED = "drafted"


def _split(value: Any) -> Any:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


class ActionsSettings(BaseSettings):
    """Everything the actions process can be told. Each field's description is its remedy: what to set it to."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    actions_host: str = Field(default="127.0.0.1", min_length=1, description="the address to listen on")
    actions_port: int = Field(default=5055, ge=1, le=65_535, description="a free port from 1 to 65535")
    internal_token: SecretStr = Field(
        description="the random text of 32 characters or more that all Bedside processes share"
    )
    data_dir: Path = Field(default=_REPOSITORY / ".bedside", description="the folder where the set-up left its work")
    locales: Path = Field(default=_REPOSITORY / "locales", description="the folder with languages/ and countries/")
    guardrails: Path = Field(default=_REPOSITORY / "guardrails", description="the folder with rules/ and review.yaml")
    languages: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)] = Field(
        default=("en", "es"), min_length=1, description="the languages to speak, commas between them, such as en,es"
    )
    default_country: str = Field(
        default="US", pattern=r"^[A-Z]{2}$", description="a country code of two capital letters, such as US"
    )

    answer_mode: AnswerMode = Field(default=AnswerMode.VERBATIM, description="verbatim or drafted")
    draft_budget_s: float = Field(
        default=25.0, gt=0, le=300, description="seconds a draft may take before the reviewed sentences go out instead"
    )
    draft_tokens: int = Field(default=220, ge=16, le=2_048, description="the most tokens that a draft may have")
    drafts_at_once: int = Field(
        default=2, ge=1, le=64, description="how many drafts may wait for or use the model; the rest answer verbatim"
    )
    model: str = Field(
        default="",
        description="a model folder, a Hugging Face id or the path of a .gguf file; empty for the embedded model",
    )
    model_device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda|mps)$", description="auto, cpu, cuda or mps")
    model_dtype: str = Field(
        default="auto",
        pattern=r"^(auto|float32|bfloat16|float16)$",
        description="auto, float32, bfloat16 or float16",
    )
    model_url: str = Field(
        default="", description="an OpenAI-compatible address such as http://127.0.0.1:8000/v1; empty for none"
    )
    model_name: str = Field(default="", description="the model's name at BEDSIDE_MODEL_URL")
    model_api_key: SecretStr = Field(default=SecretStr(""), description="the key that BEDSIDE_MODEL_URL asks for")
    model_timeout_s: float = Field(
        default=15.0, gt=0, le=300, description="seconds to wait for the endpoint's next words"
    )

    @field_validator("internal_token")
    @classmethod
    def _is_long(cls, token: SecretStr) -> SecretStr:
        if len(token.get_secret_value()) < 32:
            raise ValueError("it is shorter than 32 characters")
        return token

    @field_validator("model_url")
    @classmethod
    def _is_an_address(cls, url: str) -> str:
        if url and not url.startswith(("http://", "https://")):
            raise ValueError("it does not begin with http:// or https://")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _endpoint_is_whole(self) -> Self:
        if self.model_url and not self.model_name:
            raise ValueError("BEDSIDE_MODEL_URL is set but BEDSIDE_MODEL_NAME is not: name the model at that address")
        return self


def load_settings(**given: Any) -> ActionsSettings:
    """Return the settings from the environment and the secrets folder; `given` fields win.

    Raises:
        SettingsError: A setting is wrong or missing, in one sentence with the variable and the remedy.
    """
    secrets = os.environ.get(f"{_PREFIX}SECRETS_DIR") or None
    if secrets is not None and not Path(secrets).is_dir():
        raise SettingsError(f"{_PREFIX}SECRETS_DIR is wrong: name the folder with the secrets.")
    try:
        return ActionsSettings(_secrets_dir=secrets, **given)  # type: ignore[call-arg]  # pydantic-settings adds it
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    """Return what is wrong with one setting and its remedy. Never the value: it may be a secret."""
    first = error.errors(include_url=False, include_input=False)[0]
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{reason}."
    field = str(first["loc"][0])
    variable, remedy = f"{_PREFIX}{field.upper()}", ActionsSettings.model_fields[field].description
    if first["type"] == "missing":
        return f"{variable} is missing: set it to {remedy}."
    return f"{variable} is wrong ({reason[:1].lower()}{reason[1:]}): set it to {remedy}."
