"""``ncviz train``: train a network of the zoo, or any architecture on any data."""

from __future__ import annotations

from pathlib import Path

import click

from ncviz.cli.options import FOLDER, data_dir_option, json_option
from ncviz.cli.output import check_folder, console, print_json, progress
from ncviz.data.datasets import find_dataset
from ncviz.devices import resolve_device
from ncviz.errors import NcvizError
from ncviz.models.zoo import find_model, own_spec


@click.command()
@click.argument("model")
@click.option("--dataset", help="For an architecture that is not in the zoo: the data to learn.")
@data_dir_option
@click.option("--epochs", type=int, help="Default: the model's own recipe.")
@click.option("--learning-rate", type=float, help="Largest of the cycle; default: the model's own recipe.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--out-dir", type=FOLDER, required=True, help="Where to write.")
@json_option
def train(
    model: str,
    dataset: str | None,
    data_dir: str | None,
    epochs: int | None,
    learning_rate: float | None,
    seed: int,
    device: str,
    out_dir: Path,
    as_json: bool,
) -> None:
    """Train MODEL and write its checkpoint and card.

    MODEL is a network of the zoo, or with --dataset any architecture: resnet20, torchvision/resnet18@10,
    timm/resnet10t@10 where timm is installed, or one of the form, such as
    form/cnn/1x28x28/8k5s2-16k5s2/64/relu-bn@10. A training that was interrupted goes on from its last finished epoch,
    which is kept in the folder until the end.
    """
    from ncviz.models.training.train import train_zoo_model

    where = resolve_device(device)
    if dataset is None and "/" in model:
        raise NcvizError(f"Say what {model} is to learn with --dataset, such as --dataset mnist.")
    spec = find_model(model) if dataset is None else own_spec(model, find_dataset(dataset).name)
    check_folder(out_dir)
    with progress("training") as report:
        result = train_zoo_model(
            spec,
            data_dir,
            epochs,
            seed,
            out_dir,
            progress=report,
            device=where,
            learning_rate=learning_rate,
            is_resumable=True,
        )
    facts = {"model": model, "test_accuracy": result.test_accuracy, "seconds": round(result.seconds, 1)}
    if as_json:
        history = [vars(epoch) for epoch in result.history]
        print_json({**facts, "settings": vars(result.settings), "history": history, "out_dir": str(out_dir)})
    else:
        console.print(
            f"{model}: test accuracy {result.test_accuracy:.4f} after {facts['seconds']} s, in {out_dir}."
        )
