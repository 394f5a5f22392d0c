"""Trains embeddings of users and items on a data set, by two towers.

Trains on the training split alone and stops when the loss of the validation split no longer falls.
Writes `user_embeddings.npy` and `item_embeddings.npy` (float32 [ids + 1, dim], unit vectors, the
last row for unknown ids), `user_map.json` and `item_map.json` ({raw id: row}), from which
`training.train` starts.

    python -m training.embed --data data --output embeddings
"""

from __future__ import annotations

from rivulet.errors import UserError
from rivulet.settings import ArgumentParser
from training.algorithms.embed_options import EmbedOptions, EmbedSettings
from training.cli import fail, run_command


def main(argv: list[str] | None = None) -> int:
    """Runs the command; its exit status."""
    parser = ArgumentParser(
        prog="python -m training.embed",
        description="Train two towers on a data set and write the embeddings of users and items.",
    )
    parser.add_settings(EmbedSettings)
    parser.add_settings(EmbedOptions)
    given = parser.parse_args(argv)
    settings = parser.settings_of(EmbedSettings, given)
    options = parser.settings_of(EmbedOptions, given)

    from rich.console import Console
    from rich.table import Table

    from inference.models.info import INFO
    from training.algorithms.embedding import embed, write_embeddings
    from training.datasets.loading import load_sequences

    if (settings.output / INFO).exists():
        fail(
            parser.prog,
            f"{settings.output} holds a trained model, whose embeddings would be replaced; write "
            "to another folder and give it to training.train as --embeddings",
        )
    try:
        sequences = load_sequences(settings.data)
        embeddings = embed(settings.data, sequences, options)
        write_embeddings(settings.output, embeddings, sequences.users, sequences.items)
    except (UserError, OSError) as error:
        fail(parser.prog, error)
    table = Table(title=f"embeddings in {settings.output}", show_header=False)
    table.add_row("users", f"{len(sequences.users):,}")
    table.add_row("items", f"{len(sequences.items):,}")
    table.add_row("length", str(embeddings.items.shape[1]))
    table.add_row("epochs", str(len(embeddings.losses)))
    table.add_row("validation loss", f"{min(embeddings.losses):.4f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    run_command(main)
