"""The script that torchrun starts, started by Ray Train on the machines of a cluster.

    torchrun --nproc-per-node 2 script.py ARGUMENTS                                       one machine
    python -m groundup.stack.training.cluster --workers 2 script.py ARGUMENTS             a cluster of two nodes, here
    python -m groundup.stack.training.cluster --address HOST:6379 --workers 8 script.py   one that is there

The script says ``with processes(…) as world`` (:mod:`.distributed`) and is none the wiser: Ray starts a worker for each
process, tells each its rank, and begins the process group that the script finds. Its folders must be the same for all
nodes, as for torchrun on several machines.

A cluster of this machine's is for trying a script out before it goes to a real one: it has nodes, as that, and is begun
and ended in a process of its own, since Ray starts daemons, takes signals over, and leaves files. It listens on the
loopback alone, to those who have its token, says nothing of itself to anybody, and of it nothing is left, whatever
happens to the script. That is no fence around the script itself, which runs as whoever started it.

Needs ``ray[train]``. Moritz and others, "Ray: A Distributed Framework for Emerging AI Applications" (2018).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import runpy
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

MODULE = "groundup.stack.training.cluster"
NEEDED = ("ray", "pyarrow", "pandas", "requests", "fsspec")
"""What Ray Train does not start without."""
_STORE_BYTES = 80 * 2**20


class ClusterError(RuntimeError):
    """A cluster that could not be begun, or a script that failed on it, with what was printed last."""


def run_script(
    script: str | os.PathLike[str],
    arguments: Sequence[str] = (),
    *,
    workers: int = 2,
    nodes: int = 2,
    timeout_s: float | None = None,
) -> str:
    """Run a script on a cluster of ``nodes`` nodes of this machine, by ``workers`` processes spread over them; what was
    printed. Afterwards neither a process nor a file of the cluster is left.

    Raises ClusterError where the script or the cluster fails or takes longer than ``timeout_s``, or Ray is missing.
    """
    if workers < 1 or nodes < 1:
        raise ValueError(f"workers and nodes are 1 or more: {workers} and {nodes}")
    require_ray()
    path = os.path.abspath(script)
    if not os.path.isfile(path):
        raise ClusterError(f"there is no script {path}")
    with contextlib.ExitStack() as place:
        # Sockets lie in the folder, and their paths must be short.
        short = "/tmp" if os.access("/tmp", os.W_OK) else None
        folder = place.enter_context(
            tempfile.TemporaryDirectory(prefix="groundup-", dir=short, ignore_cleanup_errors=True)
        )
        log = place.enter_context(tempfile.TemporaryFile("w+", errors="replace"))
        inside = [sys.executable, "-m", MODULE, "--inside", "--nodes", str(nodes)]
        process = subprocess.Popen(
            [*inside, "--workers", str(workers), path, *arguments],
            stdin=subprocess.PIPE,  # while it is open we are there
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(folder),
            start_new_session=True,
        )
        late = False
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            _end(process)
        log.seek(0)
        # One of Ray's own asks a dashboard that is not there, every second.
        output = "".join(line for line in log if "(PlacementGroupCleaner " not in line)
    if late or process.returncode:
        reason = f"took longer than {timeout_s:g} seconds" if late else f"ended with {process.returncode}"
        raise ClusterError(f"{path} {reason} on the cluster:\n" + "\n".join(output.strip().splitlines()[-30:]))
    return output


def require_ray() -> None:
    """Raises ClusterError where something is not installed that Ray Train needs."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ClusterError(f"{', '.join(missing)} not installed: pip install 'ray[train]'")


def run_on(
    address: str, script: str | os.PathLike[str], arguments: Sequence[str] = (), *, workers: int = 2, gpu: bool = False
) -> None:
    """Run a script by ``workers`` processes of the cluster at ``address``, each with a graphics card where ``gpu``.

    Returns when all have ended; what goes wrong in one is raised here, by Ray.
    """
    require_ray()
    import ray
    from ray.train import RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    ray.init(address=address, log_to_driver=True)
    storage = tempfile.mkdtemp(prefix="groundup-train-")  # Ray's own notes of the run; the script keeps its states
    try:
        TorchTrainer(
            _work,
            train_loop_config={"script": os.path.abspath(script), "arguments": list(arguments)},
            torch_config=TorchConfig(backend="nccl" if gpu else "gloo"),
            scaling_config=ScalingConfig(num_workers=workers, use_gpu=gpu, placement_strategy="SPREAD"),
            run_config=RunConfig(storage_path=storage, name="script"),
        ).fit()
    finally:
        ray.shutdown()
        shutil.rmtree(storage, ignore_errors=True)


def _work(config: dict[str, Any]) -> None:
    """In a worker: the script, as Python runs one."""
    import ray

    os.environ["RAY_NODE_ID"] = ray.get_runtime_context().get_node_id()
    before, sys.argv = sys.argv, [config["script"], *config["arguments"]]
    try:
        runpy.run_path(config["script"], run_name="__main__")
    finally:
        sys.argv = before


# ── a cluster of this machine ────────────────────────────────────────────────


@contextlib.contextmanager
def local_cluster(nodes: int, processors: int) -> Iterator[str]:
    """Nodes of a cluster, each of so many processors as Ray counts them; its address. For a process of its own."""
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    try:
        for node in range(nodes):
            more = {"include_dashboard": False} if node == 0 else {}
            cluster.add_node(num_cpus=processors, object_store_memory=_STORE_BYTES, node_ip_address="127.0.0.1", **more)
        yield cluster.address
    finally:
        cluster.shutdown()  # type: ignore[no-untyped-call]


def _environment(folder: str) -> dict[str, str]:
    """Ours, without what other clusters have told; no word to anybody, no socket that other machines reach."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return kept | {
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "CUDA_VISIBLE_DEVICES": "",
        "GLOO_SOCKET_IFNAME": "lo" if sys.platform == "linux" else "lo0",
        "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),  # the workers' is then what ours is
        "RAY_TMPDIR": folder,
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on every system: listen at 127.0.0.1 only
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else the current folder is packed and sent to the workers
        "RAY_TRAIN_ENABLE_STATE_TRACKING": "0",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let it end its cluster; then end whatever is left of its session."""
    try:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(15)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)
        for one in Path("/proc").glob("[0-9]*"):  # Ray's workers lead groups of their own
            with contextlib.suppress(OSError):
                if os.getsid(int(one.name)) == process.pid:
                    os.kill(int(one.name), signal.SIGKILL)
        process.wait()


def _end_with_parent() -> None:
    """Nobody listens any more: so end."""
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _inside(given: argparse.Namespace) -> None:
    """The process of its own: begin a cluster, run the script on it, end the cluster."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with local_cluster(given.nodes, -(-given.workers // given.nodes)) as address:
        run_on(address, given.script, given.arguments, workers=given.workers)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns 0, or 1 where the script failed."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description="Run a script by Ray Train.")
    parser.add_argument("--workers", type=int, default=2, help="processes that train together")
    parser.add_argument("--nodes", type=int, default=2, help="nodes of a cluster of this machine's")
    parser.add_argument("--address", help="of a cluster that is there, instead")
    parser.add_argument("--gpu", action="store_true", help="a graphics card for each process of that cluster")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args(arguments)
    try:
        if given.inside:
            _inside(given)
        elif given.address:
            run_on(given.address, given.script, given.arguments, workers=given.workers, gpu=given.gpu)
        else:
            print(run_script(given.script, given.arguments, workers=given.workers, nodes=given.nodes), end="")
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
