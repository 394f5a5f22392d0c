import time
from pathlib import Path

import httpx
import numpy as np

from inference.models.directory import load_policy, save_policy
from inference.models.info import ModelInfo
from serving.models.manager import REFRESH_SECONDS
from tests.inference.tiny import tiny_ids, tiny_network
from tests.serving.running import serving
from tests.serving.tables import END, fill, sample


def test_popular_items_have_their_previous_ranks(client: httpx.Client) -> None:
    answer = client.get("/popular").json()
    assert (answer["window_end"], answer["previous_window_end"]) == (END, END - 80)
    places = [(p["rank"], p["item"], p["count"], p["previous_rank"]) for p in answer["items"]]
    assert places == [(1, 11, 10, 2), (2, 12, 9, 1), (3, 13, 4, None)]
    first = client.get("/popular", params={"window_end": END - 80}).json()
    assert [place["item"] for place in first["items"]] == [12, 11]
    assert client.get("/popular", params={"window_end": END - 1}).status_code == 404
    windows = client.get("/popular/windows").json()["windows"]
    assert [window["window_end"] for window in windows] == [END - 80, END]


def test_history_is_paged_newest_first(client: httpx.Client) -> None:
    page = client.get("/users/1/history", params={"limit": 2}).json()
    assert [event["item"] for event in page["events"]] == [24, 23]
    rest = client.get("/users/1/history", params={"limit": 9, "offset": page["next_offset"]}).json()
    assert [event["behavior"] for event in rest["events"]] == ["buy", "pv", "pv", "pv"]
    assert rest["next_offset"] is None


def test_recommendations_with_their_outcomes(client: httpx.Client) -> None:
    plain = client.get("/users/1/recommendations").json()["recommendations"]
    assert plain[0]["items"] == [21, 22, 23, 24]
    assert plain[0]["outcomes"] is None
    judged = client.get("/users/1/recommendations", params={"outcomes": True}).json()
    latest, before = judged["recommendations"]
    # The buy outweighs the pv; the event at T + 600 s is outside the reward window.
    assert [(o["item"], o["behavior"], o["reward"]) for o in latest["outcomes"]] == [
        (21, "buy", 3.0),
        (23, "cart", 2.0),
    ]
    assert before["outcomes"] == []


def test_unchanged_answers_are_304(client: httpx.Client) -> None:
    first = client.get("/popular")
    again = client.get("/popular", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/popular", headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_same_history_gives_the_policys_own_list(
    client: httpx.Client, model_dirs: list[Path]
) -> None:
    random = np.random.default_rng(1)
    users = random.integers(98, 107, 100)
    histories = [random.integers(0, 160, random.integers(0, 25)).tolist() for _ in users]
    for directory in model_dirs:
        policy = load_policy(directory)
        asked = {"user": users.tolist(), "item": histories, "n_rec": 8}
        answer = client.post(f"/{directory.name}", json=asked).json()
        assert answer["policy"] == policy.info.label
        for user, history, items in zip(users, histories, answer["items"], strict=True):
            last = history[-10:]
            row = np.array([last or [0]])
            alone = policy.rank(np.array([user]), row, np.array([len(last)]), 8)
            assert items == alone.items[0, : alone.length[0]].tolist()


def test_states_rank_as_the_histories_they_were_made_of(
    client: httpx.Client, model_dirs: list[Path]
) -> None:
    policy = load_policy(model_dirs[1])
    users, histories = np.array([100]), np.array([[7, 10, 13]])
    states = policy.states(users, histories, np.array([3])).numpy()
    asked = {"user": [100], "embedding": states.tolist(), "n_rec": 5}
    answer = client.post("/ddpg/state", json=asked).json()
    assert answer["items"] == policy.rank_states(states, 5).items.tolist()
    short = client.post("/ddpg/state", json={"user": [1], "embedding": [[0.5]]})
    assert short.status_code == 422
    assert "numbers" in short.json()["detail"]


def test_errors_are_json_with_one_sentence(client: httpx.Client) -> None:
    one = {"user": [1], "item": [[7]]}
    as_json = {"Content-Type": "application/json"}
    for status, answer in (
        (404, client.post("/nosuch", json=one)),
        (404, client.post("/nosuch", json={})),
        (404, client.get("/nosuch")),
        (404, client.get("/users/99/history")),
        (404, client.get("/static/../options.py")),
        (405, client.post("/popular", json=one)),
        (405, client.get("/reinforce")),
        (404, client.get("/users/one/history")),
        (422, client.get(f"/users/{'1' * 257}/history")),
        (422, client.get("/users/1/history", params={"limit": 0})),
        (422, client.post("/reinforce", json={"user": [1, 2], "item": [[7]]})),
        (422, client.post("/reinforce", json=one | {"n_rec": 0})),
        (
            422,
            client.post("/reinforce", content=b"{", headers=as_json),
        ),
        (413, client.post("/reinforce", content=b"x" * (5 << 20))),
    ):
        assert answer.status_code == status, answer.text
        assert answer.json()["detail"]
        assert "Traceback" not in answer.text


def test_dead_letters_by_reason_newest_first(client: httpx.Client) -> None:
    answer = client.get("/dead_letters").json()
    assert answer["reasons"] == {"malformed": 2, "late": 1}
    assert [letter["raw"] for letter in answer["letters"]] == ["a,,", "1,2,3", "<b>x</b>,y"]


def test_decisions_newest_first_and_the_arms(client: httpx.Client) -> None:
    answer = client.get("/decisions").json()
    arms = [(arm["version"], arm["share"], arm["since"]) for arm in answer["arms"]]
    assert (answer["present"], arms) == (True, [("v1", 0.9, 60), ("v2", 0.1, 60)])
    newest, oldest = answer["decisions"]
    assert (newest["action"], newest["candidate"], newest["time"]) == ("canary", "v2", 60)
    assert newest["difference"] == {"value": 0.5, "low": 0.25, "high": 0.75}
    assert (oldest["reason"], oldest["difference"]) == ("<b>by hand</b>", None)
    assert len(client.get("/decisions?limit=1").json()["decisions"]) == 1


def test_health_models_job_and_metrics(client: httpx.Client) -> None:
    assert client.get("/health").json()["status"] == "ok"
    assert {model["name"] for model in client.get("/models").json()["models"]} == {
        "reinforce",
        "ddpg",
        "bcq",
    }
    job = client.get("/job").json()
    assert (job["workers"], job["read"], job["late"]) == (2, 12_345, 7)
    assert (job["started_at"], job["updated_at"]) == (1_700_000_200, 1_700_000_300.5)
    assert (job["read_to"], job["closed_to"]) == (END + 7, END)
    assert client.get("/activity").json()["minutes"]["pv"] == [90, 80]
    assert client.get("/activity", params={"minutes": 1}).json()["minutes"]["pv"] == [80]
    client.get("/users/123456/history")
    metrics = client.get("/metrics").text
    assert 'rivulet_job{name="read"} 12345.0' in metrics
    assert 'route="/users/{user}/history"' in metrics
    assert "123456" not in metrics


def test_every_answer_carries_the_policy_for_browsers(client: httpx.Client) -> None:
    for path in ("/", "/docs", "/popular", "/nosuch"):
        headers = client.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_a_head_is_a_get_without_its_body(client: httpx.Client) -> None:
    head, full = client.head("/popular"), client.get("/popular")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["etag"] == full.headers["etag"]


def test_another_host_name_is_refused_on_loopback(client: httpx.Client) -> None:
    assert client.get("/popular", headers={"Host": "evil.example"}).status_code == 400


def test_an_absent_store_then_an_empty_one_then_one_with_rows(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/later.db"
    with serving(tmp_path, f"--store={url}", models=False) as address:
        assert httpx.get(f"{address}/health").json()["stores"][0]["state"] == "absent"
        assert httpx.get(f"{address}/popular").status_code == 404
        assert not (tmp_path / "later.db").exists()
        (tmp_path / "later.db").touch()
        assert httpx.get(f"{address}/health").json()["stores"][0]["state"] == "empty"
        fill(url, sample())
        assert httpx.get(f"{address}/popular").json()["window_end"] == END


def test_a_dead_store_is_503_and_the_others_answer(tmp_path: Path) -> None:
    fill(f"sqlite:///{tmp_path}/a.db", sample())
    dead = "--store=redis://:secret@127.0.0.1:1/0"
    with serving(tmp_path, dead, models=False) as address:
        answer = httpx.get(f"{address}/popular")
        assert answer.status_code == 503
        assert "secret" not in answer.text
        assert httpx.get(f"{address}/health").status_code == 503
    with serving(tmp_path, dead, f"--store=sqlite:///{tmp_path}/a.db", models=False) as address:
        assert httpx.get(f"{address}/popular").status_code == 200
        assert httpx.get(f"{address}/health").json()["status"] == "degraded"


def test_a_token_is_needed_and_accepted(tmp_path: Path) -> None:
    token = "0123456789" * 2
    with serving(tmp_path, token=token, models=False) as address:
        with httpx.Client(base_url=address) as client:
            assert client.get("/popular").status_code == 401
            assert client.get("/health").json()["stores"] == []
            page = client.get("/")
            assert (page.status_code, "password" in page.text) == (401, True)
            shown = {"Authorization": f"Bearer {token}"}
            assert client.get("/health", headers=shown).json()["stores"]
            assert client.post("/login", data={"token": "wrong"}).status_code == 401
            assert client.post("/login", data={"token": token}).status_code == 303
            assert client.get("/").status_code == 200
        assert token not in (tmp_path / "serving.log").read_text()


def test_a_new_version_is_used_and_a_broken_one_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    for version in ("1", "2"):
        network = tiny_network("reinforce")
        info = ModelInfo("reinforce", version, network.sizes)
        save_policy(folder / version, network, *tiny_ids(), info)
    (folder / "CURRENT").write_text("1")
    one = {"user": [1], "item": [[7]]}

    def label() -> str:
        return str(httpx.post(f"{address}/reinforce", json=one, timeout=30).json()["policy"])

    with serving(tmp_path, f"--model={folder}") as address:
        assert label() == "reinforce-1"
        (folder / "CURRENT").write_text("broken")
        time.sleep(4 * REFRESH_SECONDS)
        assert label() == "reinforce-1"
        (folder / "CURRENT").write_text("2")
        deadline = time.monotonic() + 30
        while label() == "reinforce-1" and time.monotonic() < deadline:
            time.sleep(0.1)
        assert label() == "reinforce-2"
        model = httpx.get(f"{address}/models").json()["models"][0]
        assert (model["name"], model["policy"]) == ("reinforce", "reinforce-2")
