"""A broker that also listens with TLS and wants a user and a password there."""

import subprocess
from pathlib import Path
from typing import ClassVar

from kafka import KafkaAdminClient
from kafka.admin import UserScramCredentialUpsertion

from deploy.servers.kafka import Kafka
from rivulet.system.ports import LOOPBACK

USER = "ann"
PASSWORD = "p@ss/w:rd?&%+"  # noqa: S105 - of a broker that lives for a test

LISTENER = """\
listeners=PLAINTEXT://{host}:{broker},CONTROLLER://{host}:{controller},SECURE://{host}:{secure}
advertised.listeners=PLAINTEXT://{host}:{broker},SECURE://{host}:{secure}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={keys}
listener.name.secure.plain.sasl.jaas.config={module}.plain.PlainLoginModule required \\
  user_{user}="{password}";
listener.name.secure.scram-sha-256.sasl.jaas.config={module}.scram.ScramLoginModule required;
"""


class SecureKafka(Kafka):
    """Kafka with a SASL_SSL listener, whose certificate it signs itself."""

    roles: ClassVar[dict[str, int]] = {**Kafka.roles, "secure": 9094}

    @property
    def certificate(self) -> Path:
        """The authority that clients are to trust."""
        return self.home / "certificate.pem"

    def topic_url(self, topic: str, user: str = f"{USER}:${{SECRET}}", **query: str) -> str:
        """A topic through the secure listener."""
        asked = "&".join(
            f"{name}={value}"
            for name, value in {"ssl_cafile": str(self.certificate), **query}.items()
        )
        return f"kafka://{user}@{LOOPBACK}:{self.ports['secure']}/{topic}?{asked}"

    def prepare(self) -> None:
        key, keys = self.home / "key.pem", self.home / "keys.pem"
        if not keys.exists():
            subprocess.run(
                (
                    *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                    *("-subj", "/CN=localhost", "-addext", f"subjectAltName=IP:{LOOPBACK}"),
                    *("-keyout", str(key), "-out", str(self.certificate)),
                ),
                check=True,
                capture_output=True,
            )
            keys.write_text(key.read_text() + self.certificate.read_text())
        lines = LISTENER.format(
            host=LOOPBACK, keys=keys, user=USER, password=PASSWORD,
            module="org.apache.kafka.common.security", **self.ports,
        )  # fmt: skip
        self.options = (lines,)
        super().prepare()

    def let_in_by_scram(self) -> None:
        """The same user and password, by SCRAM too."""
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap)
        admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(USER, "SCRAM-SHA-256", PASSWORD, iterations=4096)]
        )
        admin.close()
