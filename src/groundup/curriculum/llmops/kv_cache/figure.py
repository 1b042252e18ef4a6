"""What a cache takes beside the weights, for models of which everybody speaks."""

from typing import NamedTuple

from groundup.authoring import slider


class Config(NamedTuple):
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    billions: float  # of weights


# Layers, query heads, key and value heads, head size and weights, as their makers published them.
MODELS = {
    "GPT-2": Config(12, 12, 12, 64, 0.124),
    "Llama 2 7B": Config(32, 32, 32, 128, 6.74),
    "Llama 2 70B": Config(80, 64, 8, 128, 68.98),
    "Llama 3 8B": Config(32, 32, 8, 128, 8.03),
    "Llama 3 70B": Config(80, 64, 8, 128, 70.55),
    "Llama 3.1 405B": Config(126, 128, 8, 128, 405.85),
}
BYTES = {"16 bits": 2, "8 bits": 1}
LENGTHS = [2**n for n in range(7, 18)]

sliders = {
    "model": slider("model", choices=tuple(MODELS), start="Llama 3 8B"),
    "length": slider("tokens of a text: 2 to the power of", 7, 17, step=1, start=13),
    "batch": slider("texts at once: 2 to the power of", 0, 8, step=1, start=4),
    "kept": slider("kept in", choices=tuple(BYTES), start="16 bits"),
}
needs_builds = ("cache_bytes",)
caption = (
    "The memory that the caches of all texts take, as the texts grow, for three numbers of key and value heads (kv heads): one for each "
    "query head, the model's own, and one for all. The gray line is the model's weights, in 16 bits: they are there once, "
    "however many texts there are. Both scales are logarithmic. GPT-2 was made for 1024 tokens, Llama 2 for 4096, Llama 3 for 8192, "
    "Llama 3.1 for 131 072."
)


def compute(my, model, length, batch, kept):
    config, texts, size = MODELS[model], 2 ** int(batch), BYTES[kept]
    ways = {
        f"{config.heads} kv heads, one for each query": config.heads,
        f"{config.kv_heads}, as built": config.kv_heads,
        "1 for all": 1,
    }
    curves = {
        name: [my.cache_bytes(config._replace(kv_heads=heads), texts, n, size) for n in LENGTHS]
        for name, heads in ways.items()
    }
    return {
        "model": model,
        "curves": curves,
        "weights": 2e9 * config.billions,
        "length": 2 ** int(length),
        "texts": texts,
        "here": my.cache_bytes(config, texts, 2 ** int(length), size),
    }


def _short(number):
    for size, name in ((2**40, "TiB"), (2**30, "GiB"), (2**20, "MiB")):
        if number >= size:
            return f"{number / size:.3g} {name}"
    return f"{number / 2**10:.3g} KiB"


def draw(data):
    import plotly.graph_objects as go

    gib = 2**30
    figure = go.Figure()
    styles = (("#1c7ed6", "dot", 2), ("#d9480f", "solid", 3.5), ("#2f9e44", "dash", 2))
    for (name, values), (color, dash, width) in zip(data["curves"].items(), styles):
        figure.add_trace(
            go.Scatter(
                x=LENGTHS, y=[int(one) / gib for one in values], mode="lines", name=str(name),
                line={"color": color, "dash": dash, "width": width},
                hovertemplate="%{x} tokens: %{y:.3g} GiB<extra>" + str(name) + "</extra>",
            )
        )  # fmt: skip
    weights, here, length = float(data["weights"]), int(data["here"]), int(data["length"])
    figure.add_trace(
        go.Scatter(
            x=[LENGTHS[0], LENGTHS[-1]], y=[weights / gib] * 2, mode="lines", name="weights",
            line={"color": "#868e96", "width": 2}, hovertemplate="weights: %{y:.3g} GiB<extra></extra>",
        )
    )  # fmt: skip
    figure.add_trace(
        go.Scatter(
            x=[length], y=[here / gib], mode="markers", showlegend=False,
            marker={"size": 12, "color": "#d9480f", "line": {"width": 2, "color": "#ffffff"}},
            hovertemplate="%{x} tokens: %{y:.3g} GiB<extra></extra>",
        )
    )  # fmt: skip
    texts = int(data["texts"])
    what = f"{texts} texts of {length:,} tokens" if texts > 1 else f"a text of {length:,} tokens"
    title = f"{data['model']}, {what}:<br>{_short(here)}, {here / weights:.2g} × its weights"
    soft = "rgba(134,142,150,.2)"
    figure.update_xaxes(
        type="log", tickvals=LENGTHS[::2], ticktext=[f"{n:,}" for n in LENGTHS[::2]], gridcolor=soft,
        title="tokens of each text",
    )  # fmt: skip
    figure.update_yaxes(type="log", title="GiB", gridcolor=soft, dtick=1, exponentformat="none")
    figure.update_layout(
        title={"text": title, "font": {"size": 14}, "y": 0.98, "yanchor": "top"},
        legend={"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top"},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 60, "b": 130},
        height=520,
    )
    return figure
