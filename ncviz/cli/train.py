"""``ncviz train``: train a network of the zoo."""

from __future__ import annotations

from pathlib import Path

import click

from ncviz.cli.options import data_dir_option, json_option
from ncviz.cli.output import check_folder, console, print_json, progress
from ncviz.models.zoo import find_model


@click.command()
@click.argument("model")
@data_dir_option
@click.option("--epochs", type=int, help="Default: the model's own recipe.")
@click.option("--learning-rate", type=float, help="Largest of the cycle; default: the model's own recipe.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option(
    "--out-dir", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where to write."
)
@json_option
def train(
    model: str,
    data_dir: str | None,
    epochs: int | None,
    learning_rate: float | None,
    seed: int,
    device: str,
    out_dir: Path,
    as_json: bool,
) -> None:
    """Train a network of the zoo and write its checkpoint and card."""
    from ncviz.devices import resolve_device
    from ncviz.models.training import train_zoo_model

    where = resolve_device(device)
    find_model(model)
    check_folder(out_dir)
    with progress("training") as report:
        result = train_zoo_model(
            model, data_dir, epochs, seed, out_dir, progress=report, device=where, learning_rate=learning_rate
        )
    facts = {"model": model, "test_accuracy": result.test_accuracy, "seconds": round(result.seconds, 1)}
    if as_json:
        history = [vars(epoch) for epoch in result.history]
        print_json({**facts, "settings": vars(result.settings), "history": history, "out_dir": str(out_dir)})
    else:
        console.print(
            f"{model}: test accuracy {result.test_accuracy:.4f} after {facts['seconds']} s, in {out_dir}."
        )
