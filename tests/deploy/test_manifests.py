"""The container files, checked without a container engine."""

import re
from pathlib import Path
from typing import Any

import yaml

from deploy.flink.distribution import VERSION

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    return found


def test_compose_publishes_on_loopback_only_and_refers_to_existing_services() -> None:
    compose = load("compose.yaml")
    services = compose["services"]
    assert {"kafka", "mongo", "mysql", "postgres", "redis", "jobmanager", "taskmanager"} <= set(
        services
    )
    for service in services.values():
        assert "image" in service
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
        assert set(service.get("depends_on", ())) <= set(services)
        named = {mount.split(":")[0] for mount in service.get("volumes", ())}
        assert named <= set(compose["volumes"])
    assert services["workers"]["network_mode"] == "service:taskmanager"
    build = services["workers"]["build"]
    assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()


def test_kubernetes_has_a_pool_beside_each_task_manager() -> None:
    deployment = load("flink-deployment.yaml")
    assert deployment["apiVersion"] == "flink.apache.org/v1beta1"
    assert deployment["kind"] == "FlinkDeployment"
    spec = deployment["spec"]
    assert spec["image"].startswith(f"flink:{VERSION}")
    assert spec["flinkVersion"] == "v" + "_".join(VERSION.split(".")[:2])
    # The operator accepts Flink's settings as strings only.
    assert all(isinstance(value, str) for value in spec["flinkConfiguration"].values())
    names = [each["name"] for each in spec["taskManager"]["podTemplate"]["spec"]["containers"]]
    assert names == ["flink-main-container", "worker-pool"]


def test_the_image_has_the_same_beam_as_the_requirements() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    wanted = (ROOT / "requirements.in").read_text(encoding="utf-8")
    image = re.search(r"^FROM apache/beam_python3\.11_sdk:(\S+)", dockerfile, re.MULTILINE)
    beam = re.search(r"^apache-beam\S*==(\S+)", wanted, re.MULTILINE)
    assert image is not None
    assert beam is not None
    assert image[1] == beam[1]
    copied = re.findall(r"^COPY (\S+) \./", dockerfile, re.MULTILINE)
    assert all((ROOT / name).exists() for name in copied)
