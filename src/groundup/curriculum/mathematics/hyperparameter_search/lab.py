"""Three ways to spend the same number of epochs on finding the settings of a classifier of real text.

The classifier tells which of a few long documents a passage was cut from, by the counts of its words: one layer and a
softmax, trained by stochastic gradient descent. To be found are the learning rate, the weight decay and the batch size.
A grid and a random search train 16 settings for 16 epochs each; successive halving begins three times with 16 settings
for one epoch, and gives only the better half of them twice as many. All three choose by passages that none of them
trains on, and are judged by others that no choice has seen. Baseline: settings that were not searched for.

Before that, where Ray is installed, a Ray cluster of two processes on this machine makes the same searches with
groundup's own parts, many trainings at a time, and is ended again. The run then compares: has every training in its one
process the very value that it had there, and does the same setting win? And what does each of the two cost in time?
"""

import contextlib
import importlib.util
import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.data.passages import cut_passages
from groundup.stack.data.sets import SETS, read_text
from groundup.stack.numerics import grid, random_search, successive_halving

options = {
    "text": Option(f"whose passages: python, {', '.join(SETS)}, or a text file's path", default="python"),
    "cluster": Option(
        "whether a Ray cluster on this machine makes the same searches first, which takes about 15 seconds and 1 GB of "
        "memory before the run begins: yes, no, or auto (at tiny and small, where Ray is installed)",
        default="auto",
        choices=("auto", "yes", "no"),
    ),
}
scales = ("smoke", "tiny", "small")
DOCUMENTS, PASSAGE, WORDS = 8, 25, 400  # documents to tell apart; words of a passage; words that are counted
PASSAGES = {"smoke": 12, "tiny": 60, "small": 120}  # of each document
SEEDS = {"smoke": 1, "tiny": 5, "small": 20}
SETTINGS, LONGEST, BEGINNINGS = 16, 16, 3  # settings of a search; epochs of the longest training; starts of halving
SPACE = {"lr": (0.003, 30.0, "log"), "decay": (1e-6, 0.1, "log"), "batch": [8, 32]}
GRID = {"lr": [0.003, 0.065, 1.39, 30.0], "decay": [1e-6, 0.1], "batch": [8, 32]}
USUAL = {"lr": 0.01, "decay": 0.0, "batch": 32}
WORKERS, CLUSTER_SEEDS, CLUSTER_MB, CLUSTER_LIMIT_S = 2, 5, 1500, 240
TASKS = 4 * WORKERS  # of a round; a task for each training would cost more than the training


def prepare(options, scale):
    corpus = read_text(str(options["text"]))
    passages = cut_passages(corpus.train, DOCUMENTS, PASSAGES[scale], PASSAGE)
    provenance = {**corpus.provenance, "passages": len(passages), "documents_told_apart": DOCUMENTS}
    cluster = prepare_cluster(passages, str(options["cluster"]), scale)
    provenance["cluster"] = cluster.get("none") or f"Ray {cluster['ray']} on this machine, {WORKERS} workers"
    files = {"passages.json": json.dumps(passages).encode(), "cluster.json": json.dumps(cluster).encode()}
    return Inputs(files, provenance)


def features(passages):
    """Three parts of (counts of words, labels): to learn from, to choose by, to be judged by. Every fourth passage is
    one to choose by, every fourth one to be judged by; the words are the most frequent of those to learn from."""
    parts = {"learn": [], "choose": [], "judge": []}
    for i, one in enumerate(passages):
        parts[("learn", "learn", "choose", "judge")[i % 4]].append(one)
    counts = Counter(word for _, words in parts["learn"] for word in words)
    place = {word: k for k, (word, _) in enumerate(counts.most_common(WORDS))}
    found = {}
    for name, rows in parts.items():
        x = torch.zeros(len(rows), len(place))
        for i, (_, words) in enumerate(rows):
            for word in words:
                if word in place:
                    x[i, place[word]] += 1
        found[name] = (x.log1p(), torch.tensor([label for label, _ in rows]))
    return found


def written(config):
    """The setting as one would write it down, with six digits: two ways to compute a draw then train the same."""
    return {
        "lr": float(f"{config['lr']:.6g}"),
        "decay": float(f"{config['decay']:.6g}"),
        "batch": int(config["batch"]),
    }


class Trials:
    """Trainings, each from the same start and through the same orders of batches. ``asked``: the setting, the epochs
    and the value of each that a search asked for."""

    def __init__(self, parts, seed: int):
        self.parts, self.seed, self.asked = parts, seed, []

    @property
    def epochs(self) -> int:
        return sum(epochs for _, epochs, _ in self.asked)

    def surprise(self, config, budget: int = LONGEST) -> float:
        """What is made small, for so many epochs; noted as asked for."""
        value = self.value(written(config), budget)
        self.asked.append([written(config), budget, value])
        return value

    def value(self, config, epochs: int) -> float:
        """The mean surprise on the passages to choose by. NaN and infinity are as bad as it gets."""
        x, y = self.parts["choose"]
        logits = torch.cat([x, torch.ones(len(x), 1)], dim=1) @ self.weights(config, epochs)
        value = float(torch.nn.functional.cross_entropy(logits, y))
        return value if math.isfinite(value) else math.inf

    def weights(self, config, epochs: int):
        """A softmax layer trained for so many epochs: its weights, (words + 1, documents)."""
        x, y = self.parts["learn"]
        x = torch.cat([x, torch.ones(len(x), 1)], dim=1)
        hot = torch.nn.functional.one_hot(y, DOCUMENTS).float()
        w = torch.zeros(x.shape[1], DOCUMENTS)
        generator = torch.Generator().manual_seed(self.seed)
        for _ in range(epochs):
            for chosen in torch.randperm(len(x), generator=generator).split(config["batch"]):
                rows = x[chosen]
                slopes = rows.T @ (torch.softmax(rows @ w, dim=1) - hot[chosen]) / len(chosen)
                w = w - config["lr"] * (slopes + config["decay"] * w)
        return w

    def accuracy(self, config) -> float:
        """On the passages to be judged by, after the longest training; it costs the search nothing."""
        x, y = self.parts["judge"]
        logits = torch.cat([x, torch.ones(len(x), 1)], dim=1) @ self.weights(written(config), LONGEST)
        return float((logits.argmax(dim=1) == y).double().mean())


# ── three searches ───────────────────────────────────────────────────────────


def by_grid(trials: Trials, generator):
    tried = [(trials.surprise(config), i, config) for i, config in enumerate(grid(GRID))]
    value, _, config = min(tried, key=lambda one: one[:2])
    return config, value


def by_chance(trials: Trials, generator):
    return random_search(trials.surprise, SPACE, SETTINGS, generator)


def by_halving(trials: Trials, generator):
    found = []
    for _ in range(BEGINNINGS):
        drawn = []
        # Random search draws the settings; nothing is trained for it.
        random_search(lambda config: drawn.append(config) or 0.0, SPACE, SETTINGS, generator)
        found.append(successive_halving(trials.surprise, drawn, 1))
    return min(found, key=lambda one: one[1])


SEARCHES = {"grid": by_grid, "random search": by_chance, "successive halving": by_halving}


def search(name: str, trials: Trials):
    """The setting that the search finds, and its value."""
    config, value = SEARCHES[name](trials, torch.Generator().manual_seed(1000 + trials.seed))
    return written(config), value


def run(run: Run, scale: Scale) -> None:
    torch.set_num_threads(1)  # matrices as small as these are only held up by a second one
    parts = features(json.loads(run.input("passages.json").read_bytes()))
    cluster = json.loads(run.input("cluster.json").read_bytes())
    rows = len(parts["learn"][0])
    races = [(seed, name) for seed in range(SEEDS[scale]) for name in SEARCHES]
    run.expect(seconds=2 + len(races) * 250 * rows / 16 * 9e-5, memory_mb=350, passages=rows, searches=len(races))
    state = run.state or {"done": []}
    for seed, name in run.track(races[len(state["done"]) :], "searching", total=len(races), done=len(state["done"])):
        trials, began = Trials(parts, seed), time.perf_counter()
        config, value = search(name, trials)
        seconds = time.perf_counter() - began
        found = {"seed": seed, "name": name, "config": config, "value": value, "asked": trials.asked}
        state["done"].append({**found, "seconds": seconds, "accuracy": trials.accuracy(config)})
        run.checkpoint(lambda: state)
    show(run, parts, state["done"], SEEDS[scale], cluster)


def show(run: Run, parts, done: list, seeds: int, cluster) -> None:
    usual = sum(Trials(parts, seed).accuracy(USUAL) for seed in range(seeds)) / seeds
    label_counts = torch.bincount(parts["judge"][1], minlength=DOCUMENTS)
    rows, saved = [], {}
    for name in SEARCHES:
        mine = [one for one in done if one["name"] == name]
        surprise = sum(one["value"] for one in mine) / len(mine)
        accuracy = sum(one["accuracy"] for one in mine) / len(mine)
        epochs = max(sum(epochs for _, epochs, _ in one["asked"]) for one in mine)
        rows.append([name, epochs, surprise, accuracy])
        short = name.split()[-1] if name != "random search" else "random"
        saved |= {f"{short}_accuracy": accuracy, f"{short}_surprise": surprise, f"{short}_epochs": epochs}
    rows.append(["not searched", 0, None, usual])
    columns = ["settings by", "epochs spent", "surprise where chosen (nats)", "right of those to be judged by"]
    run.table(f"What the same epochs found, mean of {seeds} seeds", columns, rows)
    found = [[one["name"], *(f"{one['config'][key]:.3g}" for key in SPACE), one["value"]] for one in done]
    run.table("Every choice", ["settings by", *SPACE, "surprise"], found)
    run.result(
        **saved,
        usual_accuracy=usual,
        largest_class=float(label_counts.max() / label_counts.sum()),
        random_beats_usual=saved["random_accuracy"] > usual,
        halving_beats_usual=saved["halving_accuracy"] > usual,
        **show_cluster(run, parts, done, cluster),
    )


# ── the same on a cluster: compared in the run ───────────────────────────────


def in_order(name: str, asked):
    """What was asked for, to be compared: in its order, which is free only within a round of halving."""
    if name != "successive halving":
        return asked
    rounds = [list(group) for _, group in itertools.groupby(asked, key=lambda one: one[1])]
    return [one for group in rounds for one in sorted(group, key=lambda one: json.dumps(one[0]))]


def again(name: str, trials: Trials, asked):
    """The cluster's search in this process, among the settings that were drawn there."""
    if name == "successive halving":
        drawn = [config for config, epochs, _ in asked if epochs == 1]
        starts = [drawn[i : i + SETTINGS] for i in range(0, len(drawn), SETTINGS)]
        found = [successive_halving(trials.surprise, start, 1) for start in starts]
    else:
        found = [(config, trials.surprise(config)) for config, _, _ in asked]
    return min(found, key=lambda one: one[1])


def compare(parts, done, searches):
    """One search of the cluster after the other beside that of this process, as dicts of numbers to add up.

    A build may make its draws in another order than groundup's, and has then tried other settings: what the cluster
    tried is trained again here, so that there is something to compare.
    """
    mine = {(one["seed"], one["name"]): one for one in done}
    for theirs in searches:
        name, here = theirs["name"], mine[theirs["seed"], theirs["name"]]
        wanted = in_order(name, theirs["asked"])
        tried = in_order(name, here["asked"])
        config, value, seconds = here["config"], here["value"], here["seconds"]
        other_draws = [one[:2] for one in tried] != [one[:2] for one in wanted]
        if other_draws:
            trials, began = Trials(parts, theirs["seed"]), time.perf_counter()
            config, value = again(name, trials, theirs["asked"])
            seconds = time.perf_counter() - began
            tried = in_order(name, trials.asked)
        yield {
            "searches": 1,
            "other_draws": int(other_draws),
            "trainings": len(wanted),
            "other_trainings": abs(len(tried) - len(wanted)) + sum(a[:2] != b[:2] for a, b in zip(tried, wanted)),
            "other_values": sum(a[2] != b[2] for a, b in zip(tried, wanted)),
            "other_winners": int([config, value] != [theirs["config"], theirs["value"]]),
            "seconds": seconds,
        }


def show_cluster(run: Run, parts, done, cluster):
    """Tables of what was compared; the scores that say it in short."""
    if "none" in cluster:
        run.text("On a Ray cluster", f"Not compared with a cluster: {cluster['none']}")
        return {}
    total = Counter()
    for one in compare(parts, done, cluster["searches"]):
        total.update(one)
    start, seconds, alone = cluster["start_seconds"], cluster["seconds"], total["seconds"]
    rows = [
        ["one process", 1, total["trainings"], 0.0, alone, alone],
        [f"Ray {cluster['ray']}", cluster["workers"], total["trainings"], start, seconds, start + seconds],
    ]
    columns = ["where", "processes that train", "trainings", "seconds to start", "seconds of search", "seconds in all"]
    run.table(f"The same {total['searches']} searches in one process and on a Ray cluster", columns, rows)
    differ = ("other_trainings", "other_values", "other_winners")
    rows = [
        ["trainings asked for, with setting and epochs", total["trainings"], total["other_trainings"]],
        ["values, to the last bit", total["trainings"], total["other_values"]],
        ["winners, with their values", total["searches"], total["other_winners"]],
    ]
    run.table("Compared with the cluster", ["what", "compared", "different"], rows)
    if total["other_draws"]:
        run.text(
            "Other draws",
            f"In {total['other_draws']} of {total['searches']} searches your random_search drew other settings than "
            "groundup's, as it may. There the settings of the cluster were trained again in this process.",
        )
    return {
        "same_on_cluster": not any(total[name] for name in differ),
        "cluster_workers": cluster["workers"],
        "one_process_seconds": alone,
        "cluster_seconds": seconds,
        "cluster_start_seconds": start,
    }


# ── the same on a cluster: made in prepare, outside of the run's walls ───────


def prepare_cluster(passages, wish: str, scale):
    """What the cluster found, or {"none": why there was no cluster}; ValueError where one was asked for in vain."""
    seeds = min(SEEDS[scale], CLUSTER_SEEDS)
    if wish == "no":
        return {"none": "it was not wanted (--cluster no)."}
    if wish == "auto" and scale == "smoke":
        return {"none": "at the scale smoke there is one only with --cluster yes."}
    trouble = None
    if importlib.util.find_spec("ray") is None:
        trouble = "Ray is not installed: pip install 'groundup[cluster]'"
    elif wish == "auto" and available_mb() < CLUSTER_MB:
        trouble = f"Ray needs about {CLUSTER_MB} MB of free memory here, and there are {available_mb():.0f}."
    if trouble is None:
        try:
            return cluster_process(passages, seeds)
        except RuntimeError as error:
            trouble = f"Ray did not work here: {error}"
    if wish == "yes":
        raise ValueError(trouble)
    say(f"no cluster: {trouble}")
    return {"none": trouble}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def available_mb() -> float:
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/meminfo").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1024
    return math.inf  # not told on this system


def cluster_process(passages, seeds: int):
    """Run this file as a process of its own, which begins the cluster and ends it; what it found. RuntimeError.

    Ray starts threads, takes signals over and leaves files and processes where it is killed: none of that belongs in
    the process that serves the pages. Whatever happens, nothing of it is left behind when this function is left.
    """
    # Ray's sockets lie in the folder, and their paths must be short.
    short = "/tmp" if os.access("/tmp", os.W_OK) else None
    with contextlib.ExitStack() as place:
        folder = place.enter_context(
            tempfile.TemporaryDirectory(prefix="groundup-ray-", dir=short, ignore_cleanup_errors=True)
        )
        Path(folder, "passages.json").write_text(json.dumps(passages))
        log = place.enter_context(tempfile.TemporaryFile("w+", errors="replace"))
        process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-B", os.path.abspath(__file__), folder, str(seeds)],
            stdin=subprocess.PIPE,  # while it is open we are there
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=folder,
            env=cluster_environment(folder),
            start_new_session=True,
        )
        too_long = threading.Event()

        def end_it() -> None:
            too_long.set()  # before its end is seen by whoever reads from it
            end_session(process.pid)

        late = threading.Timer(CLUSTER_LIMIT_S, end_it)
        late.start()
        found = None
        try:
            for line in process.stdout:
                word, value = json.loads(line)
                if word == "say":
                    say(value)
                else:
                    found = value
        finally:
            late.cancel()
            end_process(process)
        if too_long.is_set():
            raise RuntimeError(f"it took longer than {CLUSTER_LIMIT_S:g} seconds")
        if found is None:
            log.seek(0)
            last = log.read().strip().splitlines()[-1:] or ["no message"]
            raise RuntimeError(last[0][:300])
        return found


def cluster_environment(folder: str):
    """Nothing of ours but paths; no word to anybody outside, no socket that other machines reach."""
    kept = ("PATH", "LANG", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "HOME": folder,  # where Ray puts the key that its processes know each other by
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",  # on every system: listen at 127.0.0.1 only
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",  # else the current folder is packed and sent to the workers
    }


def end_process(process) -> None:
    """Let it end its cluster; then end whatever is left of its session."""
    try:
        process.stdin.close()
        process.wait(10)
    except subprocess.TimeoutExpired:
        pass
    finally:
        end_session(process.pid)
        process.stdout.close()
        process.wait()


def end_session(session: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(session, signal.SIGKILL)
    for one in Path("/proc").glob("[0-9]*"):  # Ray's workers lead groups of their own; elsewhere they follow its daemon
        with contextlib.suppress(OSError):
            if os.getsid(int(one.name)) == session:
                os.kill(int(one.name), signal.SIGKILL)


# ── the same on a cluster: that process ──────────────────────────────────────


class Elsewhere(Trials):
    """Trials that are not trained here: known values are given, the others noted as missing."""

    def __init__(self, seed: int, known):
        super().__init__(None, seed)
        self.known, self.missing = known, []

    def value(self, config, epochs: int) -> float:
        key = (*config.values(), epochs)
        if key not in self.known:
            self.missing.append((config, epochs))
        return self.known.get(key, 0.0)


def search_all(races, train):
    """All searches at once; ``train`` takes a list of (seed, config, epochs) and gives their values.

    A search asks for one value after the other, so it is run with what is known, as often as it takes. Whatever it asks
    for with the least number of epochs among those that are missing does not hang on what is missing: trained together.
    """
    known = {race: {} for race in races}
    while True:
        trials = {race: Elsewhere(race[0], known[race]) for race in races}
        found = {race: search(race[1], trials[race]) for race in races}
        wanted = []
        for race, one in trials.items():
            least = min((epochs for _, epochs in one.missing), default=0)
            wanted += [(race, config, epochs) for config, epochs in one.missing if epochs == least]
        if not wanted:
            return [
                {"seed": seed, "name": name, "config": config, "value": value, "asked": trials[seed, name].asked}
                for (seed, name), (config, value) in found.items()
            ]
        values = train([(race[0], config, epochs) for race, config, epochs in wanted])
        for (race, config, epochs), value in zip(wanted, values):
            known[race][(*config.values(), epochs)] = value


def train_some(parts, wanted):
    torch.set_num_threads(1)
    return [Trials(parts, seed).value(config, epochs) for seed, config, epochs in wanted]


def on_cluster(folder: str, seeds: int, tell) -> None:
    """Begin a cluster, make the searches, tell what was found, end the cluster."""
    tell("say", f"beginning a Ray cluster of {WORKERS} processes on this machine; the run begins in about 15 seconds")
    began = time.perf_counter()
    import ray

    parts = features(json.loads(Path(folder, "passages.json").read_bytes()))
    try:
        ray.init(
            address="local",
            num_cpus=WORKERS,
            num_gpus=0,
            include_dashboard=False,
            object_store_memory=80 * 2**20,
            log_to_driver=False,
            _temp_dir=folder,
        )
        task, held = ray.remote(num_cpus=1, max_retries=0)(train_some), ray.put(parts)
        ray.get([task.remote(held, [(0, USUAL, 1)]) for _ in range(WORKERS)])  # each worker imports torch
        started = time.perf_counter()
        tell("say", f"the cluster is there after {started - began:.1f} seconds")

        def train(wanted):
            tell("say", f"  a round of {len(wanted)} trainings")
            shares = ray.get([task.remote(held, wanted[i::TASKS]) for i in range(TASKS)])
            return [shares[i % TASKS][i // TASKS] for i in range(len(wanted))]

        searches = search_all([(seed, name) for seed in range(seeds) for name in SEARCHES], train)
        seconds = time.perf_counter() - started
        tell("say", f"the cluster made {len(searches)} searches in {seconds:.1f} seconds, and ends")
        times = {"start_seconds": started - began, "seconds": seconds}
        tell("found", {"workers": WORKERS, "ray": ray.__version__, **times, "searches": searches})
    finally:
        ray.shutdown()


def main(folder: str, seeds: str) -> None:
    """As a process of its own: words and result as lines of JSON, and an end where nobody listens any more."""
    lines = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what Ray prints goes to the log

    def end_with_parent() -> None:
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        on_cluster(folder, int(seeds), lambda word, value: lines.write(json.dumps([word, value]) + "\n"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # the one who made it may be gone


if __name__ == "__main__":
    main(*sys.argv[1:])
