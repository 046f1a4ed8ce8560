# syntax=docker/dockerfile:1
# The gateway (with the desk) and the actions: one image, two commands. Build it from the repository's root:
#   docker build -f deploy/images/application.Dockerfile -t bedside/application:0.1.0 .
# A package index of your own: --secret id=pip_conf,src=$HOME/.config/pip/pip.conf  (it is in no layer)

FROM python:3.11.14-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1
WORKDIR /app
# What is installed changes seldom, so it has layers of its own. The set-up installs exactly what the locks name.
COPY pyproject.toml README.md LICENSE ./
COPY deploy/set_up.py deploy/
COPY deploy/locks deploy/locks
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf python deploy/set_up.py application
COPY guardrails guardrails
COPY locales locales
COPY actions actions
COPY bot bot
COPY deploy/images/healthcheck.py deploy/images/
# The content is embedded here, so that nothing is computed, or written, at the start.
ARG BEDSIDE_LANGUAGES=en,es
RUN BEDSIDE_DATA_DIR=/app/data .venv/bin/python -m bot.preparation --embed \
    && .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash bot actions guardrails/careguard \
    && rm -rf .bedside
# Answers drafted by the small model that comes along need it converted (a minute, 270 MB); most installations do not.
ARG WITH_EMBEDDED_MODEL=no
RUN { [ "$WITH_EMBEDDED_MODEL" != yes ] || HOME=/tmp .venv/bin/python -c \
    "import pathlib, actions.answering.generate as g; g.prepare_embedded_model(pathlib.Path('/app/data'))"; } \
    && chmod -R a+rX data

FROM python:3.11.14-slim-bookworm
RUN groupadd --gid 10001 bedside \
    && useradd --uid 10001 --gid bedside --no-create-home --shell /usr/sbin/nologin bedside
# Owned by root and written by nobody: the process can change nothing of itself.
COPY --from=build /app /app
WORKDIR /app
ARG BEDSIDE_LANGUAGES=en,es
ENV PATH=/app/.venv/bin:$PATH \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    BEDSIDE_DATA_DIR=/app/data \
    BEDSIDE_LANGUAGES=$BEDSIDE_LANGUAGES \
    HF_HUB_DISABLE_TELEMETRY=1 \
    DO_NOT_TRACK=1 \
    OTEL_SDK_DISABLED=true \
    LITELLM_LOCAL_MODEL_COST_MAP=True \
    LANGCHAIN_TRACING_V2=false \
    LANGSMITH_TRACING=false \
    RASA_TELEMETRY_ENABLED=false \
    TOKENIZERS_PARALLELISM=false
USER 10001:10001
EXPOSE 8080
# The actions have a check of their own where they are started.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "deploy/images/healthcheck.py", "8080", "/healthz"]
CMD ["python", "-m", "bot.gateway.app"]
