# syntax=docker/dockerfile:1
# The dialogue: Rasa 3.6.21 on Python 3.10, with the trained model inside. Build it from the repository's root:
#   docker build -f deploy/images/dialogue.Dockerfile -t bedside/dialogue:0.1.0 .
# A package index of your own: --secret id=pip_conf,src=$HOME/.config/pip/pip.conf  (it is in no layer)

FROM python:3.10.19-slim-bookworm AS environment
ENV PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1
WORKDIR /app
COPY deploy/set_up.py deploy/
COPY deploy/locks deploy/locks
COPY bot/dialogue/requirements.txt bot/dialogue/
RUN --mount=type=secret,id=pip_conf,target=/etc/pip.conf python deploy/set_up.py dialogue && rm -rf .bedside

# The model depends on the rules and examples only; it is trained by what will run it.
FROM environment AS train
COPY bot/__init__.py bot/
COPY bot/dialogue bot/dialogue
COPY deploy/images/healthcheck.py deploy/images/start_dialogue.py deploy/images/
RUN HOME=/tmp .venv-dialogue/bin/python deploy/images/start_dialogue.py train /app/models \
    && .venv-dialogue/bin/python -m compileall -q --invalidation-mode unchecked-hash bot

FROM python:3.10.19-slim-bookworm
RUN groupadd --gid 10001 bedside \
    && useradd --uid 10001 --gid bedside --no-create-home --shell /usr/sbin/nologin bedside
# Owned by root and written by nobody: the process can change nothing of itself.
COPY --from=train /app /app
WORKDIR /app
ENV PATH=/app/.venv-dialogue/bin:$PATH \
    HOME=/tmp \
    MPLCONFIGDIR=/tmp \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 \
    OTEL_SDK_DISABLED=true \
    RASA_TELEMETRY_ENABLED=false
USER 10001:10001
EXPOSE 5005
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 \
    CMD ["python", "deploy/images/healthcheck.py", "5005", "/webhooks/bedside/health"]
CMD ["python", "deploy/images/start_dialogue.py", "run", "/app/models"]
