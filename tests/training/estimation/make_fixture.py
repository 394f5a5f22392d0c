"""Makes obp.json: what the Open Bandit Pipeline's own estimators say of made logs and of OBD.

obp 0.5.7 wants an older NumPy than Rivulet, so this runs in an environment of its own:

    python3 -m venv OBP
    OBP/bin/pip install --ignore-requires-python --no-deps obp==0.5.7 pyieoe mypy_extensions
    OBP/bin/pip install "numpy<2" scipy scikit-learn pandas tqdm pyyaml matplotlib seaborn
    OBP/bin/pip install torch==1.13.1
    OBP/bin/python tests/training/estimation/make_fixture.py [FOLDER_OF_OBD]

The made logs are in the file, with the values. Of OBD it has the values alone.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from obp.ope import (
    DirectMethod,
    DoublyRobust,
    InverseProbabilityWeighting,
    SelfNormalizedInverseProbabilityWeighting,
    SlateRewardInteractionIPS,
    SwitchDoublyRobust,
)

HERE = Path(__file__).parent
THRESHOLD = 2.5


def rows_of(seed, n=400, actions=6, places=3):
    """A log of single items with a reward model that is wrong."""
    random = np.random.default_rng(seed)
    behavior = random.dirichlet(np.ones(actions), (n, places))
    policy = random.dirichlet(np.ones(actions) * 0.7, (n, places))
    place = random.integers(places, size=n)
    rows = np.arange(n)
    action = np.array([random.choice(actions, p=behavior[i, place[i]]) for i in rows])
    return {
        "reward": random.binomial(3, 0.3, n).astype(float),
        "action": action,
        "place": place,
        "propensity": behavior[rows, place, action],
        "policy": policy,
        "model": random.uniform(0, 2, (n, actions, places)),
    }


def estimates(reward, action, place, propensity, policy, model):
    """Values by estimator: `policy` and `model` are [n, actions, places]."""
    known = {"reward": reward, "action": action, "pscore": propensity, "position": place}
    modelled = {"estimated_rewards_by_reg_model": model}
    made = {
        "ips": InverseProbabilityWeighting(),
        "snips": SelfNormalizedInverseProbabilityWeighting(),
        "dm": DirectMethod(),
        "dr": DoublyRobust(),
        "switch-dr": SwitchDoublyRobust(lambda_=THRESHOLD),
    }
    values = {}
    for name, estimator in made.items():
        uses = modelled if name in ("dm", "dr", "switch-dr") else {}
        if name == "dm":
            values[name] = estimator.estimate_policy_value(
                action_dist=policy, position=place, **modelled
            )
        else:
            values[name] = estimator.estimate_policy_value(**known, action_dist=policy, **uses)
    return {name: float(value) for name, value in values.items()}


def slates(seed, lists=150, places=3):
    """A log of lists, and RIPS of it."""
    random = np.random.default_rng(seed)
    propensity = random.uniform(0.2, 1, (lists, places))
    chance = propensity * random.uniform(0.4, 1 / propensity.max(), (lists, places))
    reward = random.binomial(3, 0.3, (lists, places)).astype(float)
    value = SlateRewardInteractionIPS(len_list=places).estimate_policy_value(
        slate_id=np.repeat(np.arange(lists), places),
        reward=reward.ravel(),
        position=np.tile(np.arange(places), lists),
        pscore_cascade=np.cumprod(propensity, axis=1).ravel(),
        evaluation_policy_pscore_cascade=np.cumprod(chance, axis=1).ravel(),
    )
    columns = {"propensity": propensity, "chance": chance, "reward": reward}
    return {**{name: column.tolist() for name, column in columns.items()}, "rips": float(value)}


def obd(folder, name):
    """Values for a log of OBD: of the policy whose probability of an item falls with its number."""
    log = pd.read_csv(folder / name)
    items, places = 46, 3
    chance = 1.0 / (1 + np.arange(items))
    chance /= chance.sum()
    policy = np.broadcast_to(chance[:, None], (items, places))
    n = len(log)
    model = np.broadcast_to(np.linspace(0, 0.01, items)[None, :, None], (n, items, places))
    return estimates(
        log["click"].to_numpy(float),
        log["item_id"].to_numpy(),
        log["position"].to_numpy() - 1,
        log["propensity_score"].to_numpy(),
        np.broadcast_to(policy, (n, items, places)),
        model,
    )


def main():
    """Writes the file."""
    made = []
    for seed in range(3):
        rows = rows_of(seed)
        policy, model = rows.pop("policy").transpose(0, 2, 1), rows.pop("model")
        place, action = rows["place"], rows["action"]
        every = np.arange(len(action))
        made.append(
            {
                **{name: column.tolist() for name, column in rows.items() if name != "action"},
                "chance": policy[every, action, place].tolist(),
                "modelled": model[every, action, place].tolist(),
                "expected": (policy * model).sum(axis=1)[every, place].tolist(),
                "values": estimates(**rows, policy=policy, model=model),
            }
        )
    found = {"threshold": THRESHOLD, "rows": made, "lists": [slates(seed) for seed in range(3)]}
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1])
        names = ("random-women.csv.gz", "bts-women.csv.gz")
        found["obd"] = {name: obd(folder, name) for name in names}
    (HERE / "obp.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
