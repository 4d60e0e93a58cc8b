"""The worker process: `python rq_worker.py`, or with --scheduler the one that rings for periodic work.

The same as `quittance worker` and `quittance scheduler`.
"""

import sys

from app.cli import main

if __name__ == "__main__":
    main(["scheduler" if "--scheduler" in sys.argv else "worker"])
