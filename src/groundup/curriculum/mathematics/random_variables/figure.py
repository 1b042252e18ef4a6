"""The staircase: a dart on the vertical axis, the step that it meets, and what many darts add up to."""

import torch

from groundup.authoring import slider

# Five short documents make ten pairs; so many of them share so many words.
TABLES = {
    "words that two documents share": ((2, 3, 4, 5, 6, 7), (2, 3, 2, 1, 1, 1)),
    "letters in a word": ((1, 2, 3, 4, 5, 6), (7, 2, 11, 10, 6, 1)),
    "a fair die": ((1, 2, 3, 4, 5, 6), (1, 1, 1, 1, 1, 1)),
    "a lottery": ((0, 1, 2, 50), (80, 15, 4, 1)),
}

sliders = {
    "variable": slider("variable", choices=tuple(TABLES), start="words that two documents share"),
    "dart": slider("the dart", 0.0, 0.99, step=0.01, start=0.62),
    "power": slider("draws (a power of ten)", 0.5, 4.0, step=0.25, start=2.0),
    "again": slider("other draws", 1, 20, step=1, start=1),
}
needs_builds = ("cumulative", "sample_inverse")
caption = (
    "Above: the cumulative distribution. A dart hits the vertical axis, flies to the right until it meets the staircase, and "
    "falls down on a value. A high step is hit often, because it is high. Below: gray is the probability of each value, which is "
    "the height of its step; blue is what so many random darts gave. With few of them the shares are far off; for one more "
    "digit it takes a hundred times as many. In the lottery most darts hit 0, and a hundred of them may never hit the prize."
)


def compute(my, variable, dart, power, again):
    values, weights = TABLES[variable]
    values, mass = torch.tensor(values), torch.tensor(weights, dtype=torch.float64)
    mass = mass / mass.sum()
    steps = my.cumulative(mass)
    n = round(10 ** float(power))
    drawn = my.sample_inverse(steps, values, n, torch.Generator().manual_seed(int(again)))
    return {
        "name": variable,
        "values": values,
        "mass": mass,
        "steps": steps,
        "shares": torch.stack([(drawn == value).double().mean() for value in values]),
        "n": n,
        "dart": dart,
    }


BLUE, ORANGE, GRAY = "#1c7ed6", "#d9480f", "#868e96"


def _staircase(figure, values, steps, dart):
    """Drawn over the places of the values, so that a prize of 50 is no farther away than one of 2."""
    import plotly.graph_objects as go

    places, m = list(range(len(values))), len(values)
    x, y = [-0.9], [0.0]
    for place, low, high in zip(places, [0.0, *steps], steps):
        x += [place, place]
        y += [low, high]
    stairs = go.Scatter(
        x=[*x, m - 0.3], y=[*y, steps[-1]], mode="lines", line={"color": GRAY, "width": 3}, hoverinfo="skip",
    )  # fmt: skip
    hit = next((place for place in places if steps[place] > dart), m - 1)
    flight = go.Scatter(
        x=[-0.9, hit, hit], y=[dart, dart, 0.0], mode="lines+markers", line={"color": ORANGE, "width": 3, "dash": "dot"},
        marker={"size": [9, 9, 13], "color": ORANGE, "symbol": ["circle", "circle", "triangle-down"]},
        hovertemplate=f"{dart:.2f} gives {values[hit]}<extra></extra>", cliponaxis=False,
    )  # fmt: skip
    ends = go.Scatter(
        x=places, y=steps, mode="markers+text", marker={"size": 7, "color": GRAY}, text=[f"{step:.2f}" for step in steps],
        textposition="top center", hovertemplate="at most %{customdata}: %{y:.3f}<extra></extra>", customdata=values,
        cliponaxis=False,
    )  # fmt: skip
    for trace in (stairs, ends, flight):
        figure.add_trace(trace.update(showlegend=False), row=1, col=1)
    return values[hit]


def _shares(figure, values, mass, shares, n):
    import plotly.graph_objects as go

    places = list(range(len(values)))
    for heights, color, name in ((mass, GRAY, "probability"), (shares, BLUE, f"share of {n} draws")):
        bars = go.Bar(
            x=places, y=heights, name=name, marker={"color": color}, customdata=values,
            hovertemplate="%{customdata}: %{y:.4f}<extra>" + name + "</extra>",
        )  # fmt: skip
        figure.add_trace(bars, row=2, col=1)


def draw(data):
    from plotly.subplots import make_subplots

    values = [int(v) for v in data["values"]]
    mass, steps, shares = ([float(v) for v in data[key]] for key in ("mass", "steps", "shares"))
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.58, 0.42], vertical_spacing=0.06)
    hit = _staircase(figure, values, steps, float(data["dart"]))
    _shares(figure, values, mass, shares, int(data["n"]))
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zeroline": False}
    figure.update_yaxes(title="at most that many", range=[0, 1.1], row=1, col=1, **grid)
    figure.update_yaxes(title="exactly that many", rangemode="tozero", row=2, col=1, **grid)
    figure.update_xaxes(
        range=[-0.9, len(values) - 0.3], tickvals=list(range(len(values))), ticktext=[str(v) for v in values],
        showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_xaxes(title=str(data["name"]), row=2, col=1)
    figure.update_layout(
        title={"text": f"the dart at {float(data['dart']):.2f} gives {hit}", "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 60, "r": 15, "t": 50, "b": 95},
        height=600,
        bargap=0.25,
        legend={"orientation": "h", "y": -0.14, "yanchor": "top"},
    )
    return figure
