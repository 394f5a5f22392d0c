"""The options of `python -m training.train`."""

from __future__ import annotations

import argparse
from pathlib import Path

from inference.network.encoders import encoder_names
from training.algorithms.bcq import BcqOptions
from training.algorithms.ddpg import DdpgOptions
from training.algorithms.reinforce import PROPENSITIES, ReinforceOptions
from training.cli import Parser, at_least, device, positive, share
from training.trainer.trainer import ALGORITHMS, TrainConfig

_RECIPE, _REINFORCE, _DDPG, _BCQ = TrainConfig(), ReinforceOptions(), DdpgOptions(), BcqOptions()


def _not_negative(text: str) -> float:
    if text == "0":
        return 0.0
    return positive(text)


def parser(story: str) -> Parser:
    """The command's parser."""
    command = Parser(prog="python -m training.train", description=story.split("\n\n")[0])
    add = command.add_argument
    add("--algorithm", choices=ALGORITHMS, required=True, help="what to train")
    add("--data", type=Path, required=True, help="folder that training.prepare wrote")
    add("--output", type=Path, required=True, help="model directory to write")
    add(
        "--learn_from",
        choices=("auto", "events", "lists"),
        default="auto",
        help="what the algorithm learns from: what users did, or lists that were shown; auto: "
        "lists where the data has a feedback log",
    )
    add("--embeddings", type=Path, help="folder of training.embed to start from, if not OUTPUT")
    add("--freeze", action="store_true", help="leave given embeddings as they are")
    add("--logs", type=Path, help="folder of checkpoint, CSV and TensorBoard log, if not in OUTPUT")
    add("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    add("--name", default="", help="name of the policy in rows, if not the algorithm's")
    add("--version", default="", help="version, if not 8 digits of the weights' hash")
    add(
        "--current",
        action="store_true",
        help="when done, name OUTPUT in the file CURRENT beside it: jobs that run with "
        "OUTPUT's parent as --model take it up",
    )
    add("--device", type=device, default="cpu", help="where to train, such as cpu or cuda")
    add("--seed", type=at_least(0), default=0, help="of all that is random")
    _add_network(command.add_argument_group("network"))
    _add_learning(command.add_argument_group("learning"))
    _add_algorithms(command)
    return command


def _add_network(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add(
        "--encoder",
        choices=encoder_names(),
        default="attention",
        help="how the state reads the items",
    )
    add("--window", type=at_least(1), default=10, help="last items in the state")
    add("--item_dim", type=at_least(1), default=32, help="length of items' embeddings")
    add("--user_dim", type=at_least(0), default=16, help="length of users' embeddings")
    add("--hidden", type=at_least(1), default=64, help="width of actors, critics and generator")
    text = "no score of their own for the window's items (only with repeats allowed)"
    add("--no_copy", action="store_true", help=text)
    add("--dropout", type=share, default=_RECIPE.dropout, help="probability, in the encoder")


def _add_learning(group: argparse._ArgumentGroup) -> None:
    add, epochs = group.add_argument, at_least(0)
    add("--pretrain_epochs", type=epochs, default=_RECIPE.pretrain_epochs, help="supervised")
    add("--epochs", type=epochs, default=_RECIPE.epochs, help="of the algorithm, at most")
    add("--patience", type=at_least(1), default=_RECIPE.patience, help="epochs without a gain")
    text = "leave out the second training, with the validation part too"
    add("--no_refit", action="store_true", help=text)
    add("--batch_size", type=at_least(1), default=_RECIPE.batch_size, help="rows in a step")
    add("--pretrain_rate", type=positive, default=_RECIPE.pretrain_rate, help="supervised rate")
    add("--learning_rate", type=positive, help="the algorithm's rate, if not its own default")
    add("--weight_decay", type=_not_negative, default=_RECIPE.weight_decay, help="decoupled")
    add("--gamma", type=share, default=_DDPG.gamma, help="discount per step")
    add("--session_gap", type=at_least(0), default=3_600, help="break (s) that ends one; 0: none")
    text = "largest catalogue with a softmax over all items"
    add("--full_softmax", type=at_least(0), default=_RECIPE.full_softmax, help=text)
    add("--samples", type=at_least(1), default=_RECIPE.samples, help="items drawn per step beyond")
    add("--hide_users", type=share, default=_RECIPE.hide_users, help="share taken for unknown")
    add("--hide_items", type=share, default=_RECIPE.hide_items, help="share taken for unknown")


def _add_algorithms(command: Parser) -> None:
    add = command.add_argument_group("reinforce").add_argument
    add("--top_k", type=at_least(1), default=_REINFORCE.top_k, help="K; 1: no top-K correction")
    text = "largest importance weight on lists; 0: no weights"
    add("--cap", type=_not_negative, default=_REINFORCE.cap, help=text)
    text = "the same on what users did, which no policy chose"
    add("--cap_events", type=_not_negative, default=_REINFORCE.cap_events, help=text)
    text = "where beta is from; auto: logged if the log was made with exploration"
    default = _REINFORCE.propensities
    add("--propensities", choices=PROPENSITIES, default=default, help=text)
    add("--no_baseline", action="store_true", help="do not subtract a learnt baseline")
    add = command.add_argument_group("ddpg and bcq").add_argument
    add("--tau", type=share, default=_DDPG.tau, help="share that targets take on per step")
    add("--anchor", type=_not_negative, default=_DDPG.anchor, help="ddpg: weight of what was done")
    add("--soft_minimum", type=share, default=_BCQ.soft_minimum, help="bcq: of two critics")
    add("--kl", type=_not_negative, default=_BCQ.kl, help="bcq: weight of the VAE's divergence")


def train_config_of(options: argparse.Namespace) -> TrainConfig:
    """The recipe that the options describe."""
    given = options
    rate = given.learning_rate
    return TrainConfig(
        algorithm=given.algorithm,
        seed=given.seed,
        pretrain_epochs=given.pretrain_epochs,
        epochs=given.epochs,
        patience=given.patience,
        batch_size=given.batch_size,
        pretrain_rate=given.pretrain_rate,
        weight_decay=given.weight_decay,
        dropout=given.dropout,
        full_softmax=given.full_softmax,
        samples=given.samples,
        hide_users=given.hide_users,
        hide_items=given.hide_items,
        freeze=given.freeze,
        refit=not given.no_refit,
        reinforce=ReinforceOptions(
            given.top_k,
            given.cap,
            given.cap_events,
            given.propensities,
            not given.no_baseline,
            rate or _REINFORCE.learning_rate,
            given.weight_decay,
        ),
        ddpg=DdpgOptions(
            given.gamma,
            given.tau,
            given.anchor,
            rate or _DDPG.actor_rate,
            rate or _DDPG.critic_rate,
        ),
        bcq=BcqOptions(
            given.gamma, given.tau, given.soft_minimum, given.kl, rate or _BCQ.learning_rate
        ),
    )
