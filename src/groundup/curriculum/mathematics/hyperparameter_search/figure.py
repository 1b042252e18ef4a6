"""Above: the same number of trials as a grid and at random. Below: halving, with every curve up to where it was stopped."""

import torch

from groundup.authoring import slider

BEST = (0.37, 0.62)

sliders = {
    "side": slider("values for each setting (trials are its square)", 2, 5, step=1, start=3),
    "weight": slider("how much the second setting matters", 0.0, 1.0, step=0.1, start=0.1),
    "eta": slider("eta: one in so many goes on", 2, 4, step=1, start=2),
    "seed": slider("seed of the draws", 0, 20, step=1, start=1),
}
needs_builds = ("grid", "random_search", "successive_halving")
caption = (
    "Above: the darker, the better; the cross is the best place. Triangles are the trials of a grid, dots are random ones, and the "
    "larger sign is each one's best. Where the second setting hardly matters, the trials of one column of the grid are nearly "
    "the same trial. Below: the loss of sixteen random configs as the budget grows. A full line is what halving "
    "paid for, a dotted one what it did not see; the thick line is what it returned."
)


def _loss(x, y, weight):
    """A valley with some ripples along the first setting; the second counts by its weight."""
    return 4 * (x - BEST[0]) ** 2 + 0.15 * (1 - torch.cos(18 * (x - BEST[0]))) + weight * 4 * (y - BEST[1]) ** 2


def _number(config, weight):
    x, y = (torch.tensor(config[name], dtype=torch.float64) for name in ("first", "second"))
    return float(_loss(x, y, weight))


def compute(my, side, weight, eta, seed):
    side, source = int(side), torch.Generator().manual_seed(int(seed))
    places = [(i + 0.5) / side for i in range(side)]
    even = my.grid({"first": places, "second": places})
    space, drawn = {"first": (0.0, 1.0, "linear"), "second": (0.0, 1.0, "linear")}, []

    def asked(config):
        drawn.append([config["first"], config["second"]])
        return _number(config, weight)

    best, value = my.random_search(asked, space, side * side, source)
    best_even = min(even, key=lambda config: _number(config, weight))
    axis = torch.linspace(0, 1, 41, dtype=torch.float64)
    land = _loss(axis[None, :], axis[:, None], weight)
    gaps, ends = torch.rand(2, 16, dtype=torch.float64, generator=source).tolist()
    paid = [0] * 16

    def curve(config, budget):
        paid[config] = max(paid[config], budget)
        return ends[config] + 1.5 * gaps[config] / budget**0.5

    winner, last = my.successive_halving(curve, list(range(16)), 1, int(eta))
    budgets = [2 ** (k / 4) for k in range(17)]
    return {
        "axis": axis,
        "land": land,
        "grid": [[config["first"], config["second"]] for config in even],
        "random": drawn,
        "best_grid": [best_even["first"], best_even["second"], _number(best_even, weight)],
        "best_random": [best["first"], best["second"], value],
        "budgets": budgets,
        "curves": [[ends[i] + 1.5 * gaps[i] / budget**0.5 for budget in budgets] for i in range(16)],
        "paid": paid,
        "winner": winner,
        "last": last,
    }


STYLES = (("grid", "triangle-up", "#ffa94d"), ("random", "circle", "#ff6ad5"))


def _map(figure, data):
    import plotly.graph_objects as go

    land = go.Contour(
        x=[float(v) for v in data["axis"]], y=[float(v) for v in data["axis"]],
        z=[[float(v) for v in row] for row in data["land"]], colorscale="Viridis", ncontours=16, showscale=False,
        line={"width": 1, "color": "rgba(255,255,255,.3)"}, hoverinfo="skip",
    )  # fmt: skip
    figure.add_trace(land, row=1, col=1)
    for name, symbol, color in STYLES:
        points = [[float(v) for v in point] for point in data[name]]
        best = [float(v) for v in data["best_" + name]]
        sizes = [17 if point == best[:2] else 9 for point in points]
        figure.add_trace(
            go.Scatter(
                x=[point[0] for point in points], y=[point[1] for point in points], mode="markers", name=name,
                marker={"symbol": symbol, "size": sizes, "color": color, "opacity": 1, "line": {"color": "#fff", "width": 1.2}},
                hovertemplate=name + ": (%{x:.2f}, %{y:.2f})<extra></extra>",
            ),
            row=1, col=1,
        )  # fmt: skip
    cross = {"symbol": "x", "size": 10, "color": "#fff", "line": {"color": "#212529", "width": 1}}
    figure.add_trace(
        go.Scatter(x=[BEST[0]], y=[BEST[1]], mode="markers", marker=cross, showlegend=False, hoverinfo="skip"),
        row=1, col=1,
    )  # fmt: skip
    figure.update_xaxes(title="first setting", range=[0, 1], showgrid=False, row=1, col=1)
    figure.update_yaxes(title="second setting", range=[0, 1], showgrid=False, row=1, col=1)


def _halving(figure, data):
    import plotly.graph_objects as go

    budgets = [float(v) for v in data["budgets"]]
    for i, (curve, paid) in enumerate(zip(data["curves"], data["paid"])):
        curve, won = [float(v) for v in curve], i == int(data["winner"])
        seen = [k for k, budget in enumerate(budgets) if budget <= float(paid) + 1e-9] or [0]
        cut = seen[-1]
        color, width = ("#ff6ad5", 4) if won else ("#4dabf7", 2)
        figure.add_trace(
            go.Scatter(
                x=budgets[cut:], y=curve[cut:], mode="lines", showlegend=False, hoverinfo="skip",
                line={"color": "rgba(134,142,150,.55)", "width": 1, "dash": "dot"},
            ),
            row=2, col=1,
        )  # fmt: skip
        figure.add_trace(
            go.Scatter(
                x=budgets[: cut + 1], y=curve[: cut + 1], mode="lines+markers" if cut == 0 else "lines", showlegend=False,
                line={"color": color, "width": width}, marker={"size": 5, "color": color},
                hovertemplate=f"config {i}, budget " + "%{x:.1f}: %{y:.2f}<extra></extra>",
            ),
            row=2, col=1,
        )  # fmt: skip
    grid = "rgba(134,142,150,.2)"
    ticks = [1, 2, 4, 8, 16]
    figure.update_xaxes(title="budget", type="log", tickvals=ticks, gridcolor=grid, zeroline=False, row=2, col=1)
    figure.update_yaxes(title="loss", gridcolor=grid, zeroline=False, row=2, col=1)


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=1, row_heights=[0.58, 0.42], vertical_spacing=0.13)
    _map(figure, data)
    _halving(figure, data)
    budget = max(int(paid) for paid in data["paid"])
    lowest = min(range(16), key=lambda i: float(data["curves"][i][-1]))
    right = (
        "which ends lowest at 16, too" if lowest == int(data["winner"]) else f"but config {lowest} ends lowest at 16"
    )
    title = (
        f"best loss: grid {float(data['best_grid'][2]):.3f}, random {float(data['best_random'][2]):.3f}<br>"
        f"halving: config {int(data['winner'])}, after a budget of {budget}<br>{right}"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        legend={
            "orientation": "h",
            "y": -0.1,
            "x": 0.5,
            "xanchor": "center",
            "yanchor": "top",
            "itemsizing": "constant",
        },
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 65, "r": 15, "t": 90, "b": 80},
        height=785,
    )
    return figure
