"""Writes the vectors that the repository ships anew: `python -m actions.answering.ship_vectors`.

Beside the line, for whoever changed content. Only what has no vector yet is computed; what is no longer said goes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from actions.answering.embed import Embedder, PackagedEmbedder, PassageVectors, Progress
from actions.answering.knowledge import embeddings_folder
from actions.answering.shipped_vectors import SHIPPED_FILE, write_shipped
from actions.answering.topic import embedded_text, load_topics
from actions.errors import ActionsError
from actions.settings import ActionsSettings
from careguard.errors import CareguardError


def ship_vectors(
    locales: Path,
    languages: Iterable[str],
    data_folder: Path,
    embedder: Embedder,
    target: Path = SHIPPED_FILE,
    progress: Progress | None = None,
) -> int:
    """Afterwards `target` holds the vector of every passage of the content; return how many it holds.

    Raises:
        DataFileError: A content file is wrong.
    """
    texts = [embedded_text(passage) for topic in load_topics(locales, languages) for passage in topic.passages]
    vectors = PassageVectors(embeddings_folder(data_folder), embedder, shipped=target)
    vectors.prepare(texts, progress)
    keyed = vectors.keyed(texts)
    write_shipped(target, keyed)
    return len(keyed)


def main() -> int:
    """Write the file of this repository; return 2 when a content file is wrong or the embedder is missing."""

    def tell(done: int, total: int) -> None:
        sys.stdout.write(f"\r{done} of {total} passages")
        sys.stdout.flush()

    defaults = ActionsSettings.model_fields
    folders = {name: defaults[name].default for name in ("locales", "languages", "data_dir")}
    try:
        count = ship_vectors(
            folders["locales"], folders["languages"], folders["data_dir"], PackagedEmbedder(), progress=tell
        )
    except (ActionsError, CareguardError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"\n{count} vectors in {SHIPPED_FILE.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
