"""Stands in for torchrun: starts the workers, and ends as torchrun does (TRAINER_FACTS section 2.8)."""
import os
import signal
import subprocess
import sys


def options(words):
    found, at = {"--nnodes": 1, "--node-rank": 0, "--nproc-per-node": 1}, 0
    while words[at].startswith("--"):
        if words[at] == "--standalone":
            at += 1
        else:
            found[words[at]] = words[at + 1]
            at += 2
    return found, words[at:]


def main():
    found, program = options(sys.argv[1:])
    each, nodes = int(found["--nproc-per-node"]), int(found["--nnodes"])
    first = int(found["--node-rank"]) * each
    workers = []
    for rank in range(each):
        environment = dict(
            os.environ, RANK=str(first + rank), LOCAL_RANK=str(rank), WORLD_SIZE=str(each * nodes))
        workers.append(subprocess.Popen([sys.executable, "-u", *program], env=environment))

    def forward(number, _):
        for worker in workers:
            worker.send_signal(number)
        for worker in workers:
            worker.wait()
        print(f"torch.distributed.elastic.multiprocessing.api.SignalException: got signal: {number}",
              file=sys.stderr)
        sys.exit(1)

    signal.signal(signal.SIGTERM, forward)
    codes = [worker.wait() for worker in workers]
    for rank, code in enumerate(codes):
        if code != 0:
            print(f"failed (exitcode: {code}) local_rank: {rank} (pid: {workers[rank].pid})", file=sys.stderr)
    sys.exit(1 if any(codes) else 0)


if __name__ == "__main__":
    main()
