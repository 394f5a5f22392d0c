"""Which tests run in the same process when two processes run the tests (pytest-xdist).

The groups of `--dist loadgroup` would need a marker that pytest-xdist adds to a test's id, which
pytest 9.2 ignores.
"""

from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

ON_THE_CLUSTER = ("tests/flink/", "tests/deploy/", "tests/sources/kafka/test_unbounded.py")
"""Files whose tests start Flink or the servers: beside each other they would only be slower."""


class FileScheduling(LoadFileScheduling):
    """The tests of a file in one process, the tests on a Flink cluster in one of them.

    Those on the cluster are first: they take half of the time, and a process that began them last
    would let the other one wait.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(ON_THE_CLUSTER):
            return ON_THE_CLUSTER[0]
        return str(super()._split_scope(nodeid))

    def _assign_work_unit(self, node: WorkerController) -> None:
        if ON_THE_CLUSTER[0] in self.workqueue:
            self.workqueue.move_to_end(ON_THE_CLUSTER[0], last=False)
        super()._assign_work_unit(node)
