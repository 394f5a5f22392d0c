"""The job manager, with the web page and the REST interface."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from deploy.flink.distribution import configure, install, java_command
from deploy.flink.settings import ClusterSettings
from deploy.server import Server
from pipelines.flink import rest
from rivulet.system.ports import LOOPBACK

MAIN = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
MEMORY = ("-Xms256m", "-Xmx768m", "-XX:MaxMetaspaceSize=512m", "-XX:+UseSerialGC")


class JobManager(Server):
    """A job manager.

    Args:
        data: the data folder.
        settings: the cluster's settings.
        more: returns further options of Flink; called at each start.
        port: the port of the web page and the REST interface; 0 for any.
        usual_port: try 8081 before any free port.
    """

    name = "flink-jobmanager"
    roles: ClassVar[dict[str, int]] = {"rest": 8081, "rpc": 6123, "blob": 6124}

    def __init__(
        self,
        data: Path,
        settings: ClusterSettings,
        more: Callable[[], Mapping[str, object]],
        port: int = 0,
        usual_port: bool = False,
    ) -> None:
        super().__init__(data, port, usual_port)
        self._settings = settings
        self._more = more

    @property
    def url(self) -> str:
        """The web page's address, which is also the value for `--flink_master`."""
        return f"http://{LOOPBACK}:{self.port}"

    def install(self) -> None:
        """Downloads Flink from PyPI."""
        self._lib = install()

    def prepare(self) -> None:
        """Writes the configuration."""
        ports = {
            "rest.port": self.ports["rest"],
            "rest.bind-port": self.ports["rest"],
            "jobmanager.rpc.port": self.ports["rpc"],
            "blob.server.port": self.ports["blob"],
        }
        configure(self.home, self.data / "flink", self._settings, {**ports, **self._more()})

    def command(self) -> Sequence[str]:
        """The job manager's command line."""
        start = java_command(self._lib, self.home, self.log, MAIN, MEMORY)
        return (*start, "--configDir", str(self.home))

    def ping(self) -> None:
        """Requests the cluster's overview."""
        rest.get(self.url, "/overview")
