"""Starts a training from where a trained model stands.

All ids of the model keep their rows, and new users and items get rows after them. Weights that do
not belong to ids are copied. A new item begins as in any training: with a small random vector and
a bias by its count, moved so that it compares with the biases of the known items.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from inference.models.current import current_directory
from inference.models.directory import load_network
from inference.models.ids import IdMap
from inference.network.network import Network
from inference.network.sizes import Sizes
from transforms.columns.names import Names


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """A trained model to start from.

    Attributes:
        network: its network.
        items: ids of its items.
        users: ids of its users.
        label: its label.
        name: its name; "" for that of its head.
    """

    network: Network
    items: IdMap
    users: IdMap
    label: str
    name: str = ""

    @staticmethod
    def load(directory: Path) -> Start:
        """The model of a directory, or of the version that its CURRENT names.

        Raises:
            ModelError: it cannot be loaded.
        """
        network, items, users, info = load_network(current_directory(directory))
        return Start(network, items, users, info.label, info.name)

    def sizes(self, items: int, users: int) -> Sizes:
        """The shape of the network, with other numbers of items and users."""
        return replace(self.network.sizes, items=items, users=users)

    def copy_into(self, network: Network) -> None:
        """Copies the model's weights into a network whose first ids are those of the model.

        A head is copied where it is of the same algorithm.
        """
        old = self.network.state_dict()
        known = {"items": len(self.items), "users": len(self.users)}
        new = network.state_dict()
        with torch.no_grad():
            for name, weight in new.items():
                if name.startswith("repeats.") or name == "bias" or name not in old:
                    continue
                if name.startswith("head.") and network.algorithm != self.network.algorithm:
                    continue
                table = {"encoder.items.weight": "items", "encoder.users.weight": "users"}.get(name)
                if table is None:
                    weight.copy_(old[name])
                else:
                    weight[: known[table]].copy_(old[name][:-1])
                    weight[-1].copy_(old[name][-1])
            rows = known["items"]
            before, after = old["bias"][:-1], new["bias"][:rows]
            shift = float((before - after).mean()) if rows else 0.0
            new["bias"] += shift
            new["bias"][:rows].copy_(before)
            new["bias"][-1].copy_(old["bias"][-1])


def extended(known: IdMap, found: IdMap) -> IdMap:
    """The known ids in their rows, and after them the others that were found, ascending."""
    others = np.setdiff1d(found.ids, known.ids)
    names = Names.merged([known.names, found.names])
    return IdMap(np.concatenate([known.ids, others]), names)
