"""Load real Llama-format weights into your own code, and match the reference logits; then count the whole family.

Name a folder with --folder: config.json and safetensors, as a Llama has them on the Hugging Face Hub (the small ones of Llama 3.2 for
instance, or any relative that has "model_type": "llama"). Without one, the lab writes a tiny checkpoint in that format itself,
with random weights, and says so: the numbers can be compared, the text means nothing.

Before the run's walls go up, the reference logits are computed by Hugging Face's transformers where that is installed, else by
groundup's own model. Then your model, your block and your names take over, where they pass.
"""

import json
import tempfile
import time
from pathlib import Path

import torch

from groundup.authoring import Inputs, Option, Run, Scale
from groundup.stack.inference.cache import cache_bytes
from groundup.stack.models.checkpoints import CONFIG, INDEX, ONE_FILE, load_weights, read_config, read_weights
from groundup.stack.models.gpt import count_parameters
from groundup.stack.models.llama import Llama, LlamaConfig, rename_checkpoint

options = {
    "folder": Option("a folder with a Llama in the Hub's format; without one, a tiny checkpoint is written here"),
    "prompt": Option("a text to go on from, where the folder has a tokenizer", default="The cat sat because it was"),
}
LARGEST_MB = {"smoke": 64, "tiny": 700, "small": 7000}  # of a checkpoint's files
scales = tuple(LARGEST_MB)
TOKENS = 24  # of random text, where there is no tokenizer
CLOSE = 1e-3  # of the spread of the logits: two programs in float32, through many layers

SIZES = {  # vocab, dim, layers, heads, hidden, key and value heads, context; and the weights that were published
    "Llama 1 7B": ((32000, 4096, 32, 32, 11008, 32, 2048), 6_738_415_616),
    "Llama 1 13B": ((32000, 5120, 40, 40, 13824, 40, 2048), 13_015_864_320),
    "Llama 1 33B": ((32000, 6656, 60, 52, 17920, 52, 2048), 32_528_943_616),
    "Llama 1 65B": ((32000, 8192, 80, 64, 22016, 64, 2048), 65_285_660_672),
    "Llama 2 7B": ((32000, 4096, 32, 32, 11008, 32, 4096), 6_738_415_616),
    "Llama 2 13B": ((32000, 5120, 40, 40, 13824, 40, 4096), 13_015_864_320),
    "Llama 2 70B": ((32000, 8192, 80, 64, 28672, 8, 4096), 68_976_648_192),
    "Llama 3.1 8B": ((128256, 4096, 32, 32, 14336, 8, 131072), 8_030_261_248),
    "Llama 3.1 70B": ((128256, 8192, 80, 64, 28672, 8, 131072), 70_553_706_496),
    "Llama 3.1 405B": ((128256, 16384, 126, 128, 53248, 8, 131072), 405_853_388_800),
    "Llama 3.2 1B": ((128256, 2048, 16, 32, 8192, 8, 131072), 1_235_814_400),
    "Llama 3.2 3B": ((128256, 3072, 28, 24, 8192, 8, 131072), 3_212_749_824),
}
TIED = ("Llama 3.2 1B", "Llama 3.2 3B")


# ── before the walls ─────────────────────────────────────────────────────────


def prepare(options, scale):
    """The checkpoint's files, tokens, and the logits that somebody else's code computes from them."""
    if options["folder"]:
        return gathered(
            Path(str(options["folder"])).expanduser(), str(options["prompt"]), scale, "a checkpoint of yours"
        )
    with tempfile.TemporaryDirectory() as name:
        writer = write_tiny(Path(name))
        return gathered(Path(name), "", scale, f"written here by {writer}, with random weights")


def gathered(folder: Path, prompt: str, scale: str, source: str) -> Inputs:
    if not (folder / CONFIG).is_file():
        raise ValueError(f"{folder} has no {CONFIG}: name a folder in the Hub's format")
    config = LlamaConfig.from_hub(read_config(folder))
    paths = [folder / CONFIG, *shards(folder)]
    size = sum(path.stat().st_size for path in paths) / 2**20
    if size > LARGEST_MB[scale]:
        raise ValueError(f"the checkpoint has {size:.0f} MB; the scale {scale} takes {LARGEST_MB[scale]} MB at most")
    ids, words = tokens(folder, config, prompt)
    logits, computed = reference_logits(folder, ids)
    files = {path.name: path.read_bytes() for path in paths}
    files["text.json"] = json.dumps({"ids": ids, "words": words, "logits": logits.tolist()}).encode()
    provenance = {
        "source": source,
        "kind": "generated: random weights" if "random" in source else "weights as given",
        "licence": "none needed" if "random" in source else "see its source",
        "megabytes": round(size, 2),
        "reference_logits": computed,
    }
    return Inputs(files, provenance)


def shards(folder: Path) -> list[Path]:
    if (folder / ONE_FILE).is_file():
        return [folder / ONE_FILE]
    if not (folder / INDEX).is_file():
        raise ValueError(f"{folder} has neither {ONE_FILE} nor {INDEX}")
    names = sorted(set(json.loads((folder / INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
    return [folder / INDEX, *(folder / name for name in names)]


def write_tiny(folder: Path) -> str:
    """A small Llama 3.1 with random weights, by the library that made the format where it is there; who wrote it."""
    scaling = {
        "rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    }  # fmt: skip
    ours = LlamaConfig(257, 64, 3, 8, 160, 128, kv_heads=2, theta=5000.0, rope_scaling=scaling)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformers = library()
        if transformers is None:
            model = Llama(ours)
            rough(model)
            model.save_pretrained(folder)
            return "groundup's own model"
        names = ours.to_hub()
        config = transformers.LlamaConfig(**{name: names[name] for name in names if name != "architectures"})
        theirs = transformers.LlamaForCausalLM(config)
        rough(theirs)
        theirs.save_pretrained(folder)
        return f"transformers {transformers.__version__}"


def library():
    """Hugging Face's transformers, quietly; None where it is not installed."""
    try:
        import transformers
    except ImportError:
        return None
    transformers.utils.logging.disable_progress_bar()
    return transformers


def rough(model: torch.nn.Module) -> None:
    """Random weights large enough for every part to matter; fresh ones are so small that all logits are nearly alike."""
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn(one.shape) * 0.15)


def tokens(folder: Path, config: LlamaConfig, prompt: str) -> tuple[list[int], list[str]]:
    """The prompt's tokens and all words of the vocabulary, where there is a tokenizer; else numbers and nothing."""
    path = folder / "tokenizer.json"
    if prompt and path.is_file():
        try:
            from tokenizers import Tokenizer
        except ImportError:
            return random_tokens(config), []
        tokenizer = Tokenizer.from_file(str(path))
        ids = tokenizer.encode(prompt).ids[: config.context]
        if ids:
            return ids, [tokenizer.decode([i], skip_special_tokens=False) for i in range(config.vocab)]
    return random_tokens(config), []


def random_tokens(config: LlamaConfig) -> list[int]:
    count = min(TOKENS, config.context)
    return torch.randint(config.vocab, (count,), generator=torch.Generator().manual_seed(1)).tolist()


def reference_logits(folder: Path, ids: list[int]) -> tuple[torch.Tensor, str]:
    """(tokens, vocab) in float32, and who computed them."""
    with torch.no_grad():
        transformers = library()
        if transformers is None:
            return Llama.from_pretrained(folder)(torch.tensor([ids]))[
                0
            ], "groundup's own Llama (transformers is not here)"
        model = transformers.LlamaForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager", local_files_only=True
        )
        return model(torch.tensor([ids])).logits[0], f"transformers {transformers.__version__}, float32"


# ── the run ──────────────────────────────────────────────────────────────────


def run(run: Run, scale: Scale) -> None:
    folder = run.input(CONFIG).parent
    text = json.loads(run.input("text.json").read_bytes())
    ids, wanted = torch.tensor([text["ids"]]), torch.tensor(text["logits"])
    config = LlamaConfig.from_hub(read_config(folder))
    size_mb = 2 * sum(path.stat().st_size for path in folder.iterdir()) / 2**20  # in 32 bits, where the files have 16
    needed = 450 + 2.2 * size_mb
    run.expect(seconds=8 + size_mb / 60, memory_mb=needed, layers=config.layers, dim=config.dim)
    if needed > 0.95 * run.free_mb:
        raise MemoryError(
            f"this checkpoint needs {needed:.0f} MB, and {run.free_mb:.0f} MB are free: name a smaller one"
        )
    model, before = load(run, folder, config, ids)
    began = time.perf_counter()
    with torch.no_grad():
        logits = model(ids)[0]
    seconds = time.perf_counter() - began
    distance = float((logits - wanted).abs().max())
    scores = {
        "largest_difference": distance,
        "matches_the_reference": distance <= CLOSE * float(wanted.std()),
        "before_loading": float((before - wanted).abs().max()),
        "spread_of_logits": float(wanted.std()),
        "same_best_token": float((logits.argmax(-1) == wanted.argmax(-1)).float().mean()),
        "with_a_cache_differs_by": by_cache(model, ids, logits),
        "weights": count_parameters(model),
        "seconds_for_the_text": seconds,
    }
    show_tokens(run, text["words"], logits, wanted)
    right = count_family(run)
    run.result(**scores, family_counted_right=right, of_family=len(SIZES))


def load(run: Run, folder: Path, config: LlamaConfig, ids: torch.Tensor) -> tuple[Llama, torch.Tensor]:
    """The model with its weights, and what it said before it had them."""
    model = Llama(config).eval()
    with torch.no_grad():
        before = model(ids)[0]
    for _ in run.track([0], "loading the weights"):
        state = read_weights(folder)
        named = rename_checkpoint(state)
        if config.tied:
            named.pop("head.weight", None)
        where = {id(one): name for name, one in named.items()}
        rows = [[name, where.get(id(one), "left out"), " × ".join(map(str, one.shape))] for name, one in state.items()]
        run.table("Names", ["on the Hub", "in your model", "shape"], sorted(rows)[:16])
        load_weights(model, named)
    return model, before


def by_cache(model: Llama, ids: torch.Tensor, logits: torch.Tensor) -> float:
    """The largest difference when the text is read token by token, with a cache."""
    cache = model.new_cache(*ids.shape)
    with torch.no_grad():
        pieces = [model(ids[:, i : i + 1], cache)[0] for i in range(ids.shape[1])]
    return float((torch.cat(pieces) - logits).abs().max())


def show_tokens(run: Run, words: list[str], logits: torch.Tensor, wanted: torch.Tensor) -> None:
    mine, theirs = logits[-1].softmax(dim=-1), wanted[-1].softmax(dim=-1)
    rows = []
    for token in wanted[-1].topk(8).indices.tolist():
        rows.append([repr(words[token]) if words else token, float(theirs[token]), float(mine[token])])
    run.table("What may come next", ["token", "the reference says", "your model says"], rows)


def count_family(run: Run) -> int:
    """The weights of each member, counted in your own model; how many are right to the last one."""
    rows, right = [], 0
    for name in run.track(list(SIZES), "counting the family"):
        (vocab, dim, layers, heads, hidden, kv_heads, context), published = SIZES[name]
        config = LlamaConfig(
            vocab, dim, layers, heads, hidden, context=64, kv_heads=kv_heads, tied=name in TIED, theta=500_000.0
        )
        with torch.device("meta"):  # shapes only, no memory
            count = count_parameters(Llama(config))
        right += count == published
        gigabytes = [count * bits / 8e9 for bits in (16, 4)]
        rows.append(
            [name, count / 1e9, count - published, *gigabytes, cache_bytes(config, 1, context, 2) / 1e9, context]
        )
    columns = ["model", "billions", "off by", "GB in 16 bits", "in 4 bits", "GB of cache, full text", "context"]
    run.table("The family", columns, rows)
    return right
