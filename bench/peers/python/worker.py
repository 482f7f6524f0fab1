"""A worker's side of lib/worker.mjs: one JSON object a line in, one out. Import it before anything that may print."""

import json
import os
import resource
import sys

# Replies go to the real standard output; whatever a library prints goes to stderr.
replies = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def memory():
    """Peak resident memory in bytes. VmHWM, because getrusage also counts the parent's memory at the fork."""
    try:
        with open("/proc/self/status") as status:
            return {"bytes": next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))}
    except OSError:
        return {"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}


def serve(methods):
    """Answers requests until the input ends."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": methods[request["method"]](**request["params"])}
        except Exception as error:  # the other side prints it
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=replies, flush=True)
