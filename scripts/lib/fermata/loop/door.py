"""The door as a process of the ready environment: one request on standard input, one JSON answer on standard output.

Started by the hooks, which run without third-party packages. Exit code 0 whatever the verdict; anything else is an error
of ours, which the hook turns into a refusal.
"""

from __future__ import annotations

import json
import os
import sys


def main() -> int:
    """Read `{root, store, dispatch, text}`, print `{accepted, message}`."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
    from fermata.git.repo import find_repo
    from fermata.loop.results import accept_result
    from fermata.store.errors import StoreError
    from fermata.store.run_store import RunStore

    request = json.load(sys.stdin)
    repo = find_repo(request["root"])
    try:
        if repo is None:
            raise StoreError(f"{request['root']} is no longer a git repository")
        answer = accept_result(repo, RunStore(request["store"]), request["dispatch"], request["text"])
        print(json.dumps({"accepted": answer.accepted, "message": answer.message}))
    except (StoreError, OSError) as error:
        print(json.dumps({"accepted": False, "message": f"the result could not be kept: {error}"}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
