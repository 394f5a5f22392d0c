"""Absolute paths, for workers with another working directory."""

from __future__ import annotations

from pathlib import Path

from pipelines.options import FeedbackSettings, ModelSettings
from rivulet.configuration import Configuration
from sinks.options import DeadLetterSettings
from sources.catalogue.options import CatalogueSettings
from sources.forgotten.options import ForgottenSettings
from sources.options import InputSettings


def with_absolute_paths(settings: Configuration) -> Configuration:
    """The settings with absolute paths of files and folders.

    The path of a SQLite store is made absolute by `sinks.sql.store.SqlSource`.
    """
    letters = settings[DeadLetterSettings].dead_letters
    settings = settings.replace(DeadLetterSettings, dead_letters=_absolute(letters))
    source = settings[InputSettings].input
    history = tuple(map(_absolute, settings[InputSettings].history))
    settings = settings.replace(InputSettings, input=source and _absolute(source), history=history)
    if CatalogueSettings in settings and (items := settings[CatalogueSettings].items):
        settings = settings.replace(CatalogueSettings, items=_absolute(items))
    if ForgottenSettings in settings and (forget := settings[ForgottenSettings].forget):
        settings = settings.replace(ForgottenSettings, forget=_absolute(forget))
    if FeedbackSettings in settings and (feedback := settings[FeedbackSettings].feedback):
        settings = settings.replace(FeedbackSettings, feedback=_absolute(feedback))
    if FeedbackSettings in settings and (shown := settings[FeedbackSettings].impressions):
        settings = settings.replace(FeedbackSettings, impressions=_absolute(shown))
    if ModelSettings in settings:
        models = tuple(map(_absolute_model, settings[ModelSettings].model))
        settings = settings.replace(ModelSettings, model=models)
    return settings


def _absolute(path: str) -> str:
    return path if "://" in path else str(Path(path).absolute())


def _absolute_model(model: str) -> str:
    if model == "none":
        return model
    name, equals, rest = model.partition("=")
    return f"{name}={_absolute(rest)}" if equals else _absolute(model)
