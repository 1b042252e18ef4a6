"""Three tables of positions, and what one position sees through them."""

import torch

from groundup.authoring import slider

N = 48
KINDS = ("waves, added to the input", "ALiBi, added to the scores", "clipped distances, rows of a table")

sliders = {
    "kind": slider("encoding", choices=KINDS, start=KINDS[0]),
    "position": slider("the position that looks", 0, N - 1, step=1, start=20),
    "size": slider("columns, heads, or longest distance", choices=("2", "4", "8", "16", "32"), start="16"),
}
needs_builds = ("sinusoidal_positions", "alibi_bias", "relative_positions")
caption = (
    "Waves: above, each row is a position, each pair of columns one hand of the clock, fast ones on the left; below, "
    "the dot product of the chosen row with every row. It peaks at the position itself, looks the same on both "
    "sides, and moves along with the position: it knows the distance only. With two columns it comes round again "
    "after six steps; more columns tell far positions apart. ALiBi: above, the bias of every head for the chosen "
    "query; below, the attention that is left where all scores are equal, of the first, the middle and the last "
    "head. Clipped distances: above, the number of the row for each query and key; below, the chosen query's row of "
    "it."
)


def compute(my, kind, position, size):
    size, position = int(size), int(position)
    if kind == KINDS[0]:
        table = my.sinusoidal_positions(N, size)
        curves = {"product": table @ table[position] / (size / 2)}
    elif kind == KINDS[1]:
        table = my.alibi_bias(size, N)[:, position]
        shown = sorted({0, size // 2, size - 1})
        table = table[:, : position + 1]
        curves = {f"head {head}": torch.softmax(table[head], dim=-1) for head in shown}
    else:
        table = my.relative_positions(N, size)
        curves = {"row of the table": table[position].float()}
    return {"kind": kind, "position": position, "size": size, "table": table.float(), "curves": curves}


def _map(data):
    """The table as a picture, with its axes' names, its colors and their range."""
    table = [[float(one) for one in row] for row in data["table"]]
    if data["kind"] == KINDS[0]:
        return table, "column", "position", {"colorscale": "RdBu", "zmin": -1, "zmax": 1}
    if data["kind"] == KINDS[1]:
        low = min(-1.0, min(min(row) for row in table))
        return table, "key", "head", {"colorscale": "Cividis", "zmin": max(low, -12.0), "zmax": 0}
    return table, "key", "query", {"colorscale": "RdBu", "zmin": 0, "zmax": 2 * data["size"]}


def draw(data):
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    kind, position = data["kind"], int(data["position"])
    table, across, down, colors = _map(data)
    figure = make_subplots(rows=2, cols=1, row_heights=[0.6, 0.4], vertical_spacing=0.15)
    figure.add_trace(
        go.Heatmap(
            z=table, hovertemplate=f"{down} %{{y}}, {across} %{{x}}: %{{z:.3f}}<extra></extra>",
            colorbar={"len": 0.56, "y": 0.72, "thickness": 12, "outlinewidth": 0}, **colors,
        ),
        row=1, col=1,
    )  # fmt: skip
    wide = len(table[0])
    if down != "head":
        figure.add_shape(
            type="rect", x0=-0.5, x1=wide - 0.5, y0=position - 0.5, y1=position + 0.5,
            line={"color": "#2b8a3e", "width": 3}, row=1, col=1,
        )  # fmt: skip
    hues = ("#1c7ed6", "#d9480f", "#ae3ec9")
    for hue, (name, curve) in zip(hues, data["curves"].items()):
        values = [float(one) for one in curve]
        figure.add_trace(
            go.Scatter(
                x=list(range(len(values))), y=values, name=name, mode="lines+markers", line={"color": hue, "width": 2},
                marker={"size": 4}, hovertemplate="%{x}: %{y:.3f}", showlegend=len(data["curves"]) > 1,
            ),
            row=2, col=1,
        )  # fmt: skip
    figure.add_vline(x=position, line={"color": "#2b8a3e", "dash": "dot"}, row=2, col=1)
    bare = {"showgrid": False, "zeroline": False}
    figure.update_xaxes(title=across, row=1, col=1, **bare)
    figure.update_yaxes(title=down, autorange="reversed", row=1, col=1, **bare)
    grid = {"gridcolor": "rgba(134,142,150,.2)", "zerolinecolor": "#868e96"}
    names = dict(zip(KINDS, ("dot product ÷ pairs", "share of attention", "row of the table")))
    figure.update_xaxes(title="position" if kind == KINDS[0] else "key", range=[-1, N], row=2, col=1, **grid)
    figure.update_yaxes(title=names[kind], row=2, col=1, **grid)
    if kind == KINDS[0]:
        figure.update_yaxes(range=[-1.1, 1.1], row=2, col=1)
    said = dict(
        zip(
            KINDS,
            (
                f"{data['size'] // 2} pairs: row {position} against all rows",
                f"{data['size']} heads: what position {position} sees behind it",
                f"{2 * data['size'] + 1} rows in the table: position {position}",
            ),
        )
    )
    figure.update_layout(
        title={"text": said[kind], "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", font={"color": "#767676"},
        margin={"l": 60, "r": 15, "t": 50, "b": 50}, height=640,
        legend={"x": 0.02, "y": 0.36, "yanchor": "top", "bgcolor": "rgba(0,0,0,0)"},
    )  # fmt: skip
    return figure
