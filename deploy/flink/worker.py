"""One Python worker's process: Beam's SDK harness with a state cache, for the worker pool."""

import argparse
import logging
import os

from apache_beam.runners.worker.sdk_worker import SdkHarness


def main() -> None:
    """Work until the task manager hangs up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--control", required=True, help="the task manager's control endpoint")
    parser.add_argument("--id", required=True, help="the worker's id")
    parser.add_argument(
        "--cache-mb", type=int, required=True, help="cache of state and side inputs (MiB)"
    )
    given = parser.parse_args()
    logging.basicConfig(
        level=logging.WARNING, format=f"%(asctime)s %(levelname)-7s [{given.id}] %(message)s"
    )
    SdkHarness(given.control, worker_id=given.id, state_cache_size=given.cache_mb << 20).run()
    logging.shutdown()
    # Nobody is left to work for: do not wait for a bundle that hangs.
    os._exit(0)


if __name__ == "__main__":
    main()
