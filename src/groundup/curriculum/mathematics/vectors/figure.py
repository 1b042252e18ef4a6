"""Two vectors as arrows: what turning and stretching one of them does to dot product, cosine, projection and length."""

import math

import torch

from groundup.authoring import slider

POWERS = {"1": 1.0, "2": 2.0, "4": 4.0, "infinity": math.inf}
U = (2.5, 1.0)
SHARE = math.degrees(math.atan2(U[1], U[0]))

sliders = {
    "angle": slider("angle from u to v (degrees)", -180, 180, step=5, start=40),
    "length": slider("length of v", 0.0, 4.0, step=0.1, start=1.5),
    "p": slider("p of the norm", choices=tuple(POWERS), start="2"),
}
needs_builds = ("dot", "norm", "cosine_similarity", "project")
caption = (
    "Above: u stands still, v turns and stretches; the thick line is the projection of u onto v, and the dotted one, what "
    "is left, meets it at a right angle. The dashed closed curve joins all arrows that are as long as v in the chosen "
    "p-norm. Below: dot product and cosine over the angle. The length of v stretches the one curve and leaves the "
    "other alone. Counts are never negative: arrows of documents stay in the upper right quarter, at 90° at most."
)


def _arrow(degrees, length):
    turned = torch.deg2rad(torch.as_tensor(degrees, dtype=torch.float64) + SHARE)
    return torch.stack([turned.cos(), turned.sin()], dim=-1) * length


def compute(my, angle, length, p):
    power = POWERS[p]
    u = torch.tensor(U, dtype=torch.float64)
    v = _arrow(angle, length)
    around = torch.arange(-180, 181, 5)
    arrows = _arrow(around, length)
    rim = _arrow(torch.arange(0, 361, 3), 1.0)
    size = my.norm(v, power)
    return {
        "u": u,
        "v": v,
        "projection": my.project(u, v),
        "rim": rim * (size / my.norm(rim, power)).unsqueeze(-1),
        "angles": around,
        "dots": my.dot(u, arrows),
        "cosines": my.cosine_similarity(u, arrows),
        "dot": my.dot(u, v),
        "cosine": my.cosine_similarity(u, v),
        "size": size,
        "angle": angle,
        "p": p,
    }


def _list(values):
    return [float(value) for value in values]


def _shown(value, digits):
    """A number for the title, without the sign of a zero."""
    return f"{round(float(value), digits) + 0.0:.{digits}f}"


def _plane(figure, data):
    """The arrows, the projection and the rim, in the upper panel."""
    import plotly.graph_objects as go

    blue, orange, green, gray = "#1c7ed6", "#d9480f", "#2b8a3e", "#868e96"
    u, v, shadow = _list(data["u"]), _list(data["v"]), _list(data["projection"])
    rim = [_list(point) for point in data["rim"]]

    def line(points, name, color, **style):
        x, y = zip(*points)
        trace = go.Scatter(
            x=x, y=y, name=name, mode="lines", line={"color": color, **style}, hovertemplate="(%{x:.2f}, %{y:.2f})"
        )
        figure.add_trace(trace, row=1, col=1)

    line(rim, "as long as v", gray, width=1, dash="dash")
    line([(0, 0), shadow], "projection of u onto v", green, width=9)
    line([u, shadow], "what is left of u", green, width=2, dash="dot")
    side = 1 if data["angle"] >= 0 else -1  # names stand beside the arrows, on the sides that look away from each other
    for end, name, color, turn in ((u, "u", blue, -side), (v, "v", orange, side)):
        length = math.hypot(*end) or 1.0
        line([(0, 0), end], name, color, width=3)
        arrow = {"x": end[0], "y": end[1], "ax": 0, "ay": 0, "xref": "x", "yref": "y", "axref": "x", "ayref": "y"}
        if length > 0.2:
            figure.add_annotation(
                **arrow, text="", showarrow=True, arrowhead=2, arrowsize=1.2, arrowwidth=2.5, arrowcolor=color
            )
        figure.add_annotation(
            x=end[0], y=end[1], xref="x", yref="y", text=f"<b>{name}</b>", showarrow=False,
            xshift=-turn * 15 * end[1] / length, yshift=turn * 15 * end[0] / length,
            font={"color": color, "size": 17},
        )  # fmt: skip
    bounds = {
        "range": [-4.3, 4.3],
        "zeroline": True,
        "zerolinecolor": gray,
        "dtick": 2,
        "gridcolor": "rgba(134,142,150,.2)",
    }
    figure.update_xaxes(title="first entry", constrain="domain", row=1, col=1, **bounds)
    figure.update_yaxes(title="second entry", scaleanchor="x", row=1, col=1, **bounds)


def _curves(figure, data):
    """Dot product and cosine over the angle, side by side in the lower row."""
    import plotly.graph_objects as go

    angles = _list(data["angles"])
    for col, name, values, now, reach in (
        (1, "dot product", data["dots"], data["dot"], 11.5),
        (2, "cosine", data["cosines"], data["cosine"], 1.25),
    ):
        curve = go.Scatter(
            x=angles, y=_list(values), name=name, mode="lines", showlegend=False,
            line={"color": "#ae3ec9", "width": 2}, hovertemplate="%{x}°: %{y:.3f}<extra></extra>",
        )  # fmt: skip
        point = go.Scatter(
            x=[data["angle"]], y=[float(now)], name=f"{name} now", mode="markers", showlegend=False,
            marker={"size": 12, "color": "#d9480f", "symbol": "diamond"}, hovertemplate="%{x}°: %{y:.3f}<extra></extra>",
        )  # fmt: skip
        figure.add_trace(curve, row=2, col=col)
        figure.add_trace(point, row=2, col=col)
        grid = {"zeroline": True, "zerolinecolor": "#868e96", "gridcolor": "rgba(134,142,150,.2)"}
        figure.update_xaxes(title="angle (degrees)", range=[-190, 190], tickvals=[-90, 0, 90], row=2, col=col, **grid)
        figure.update_yaxes(range=[-reach, reach], row=2, col=col, **grid)


def draw(data):
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=2, cols=2, row_heights=[0.68, 0.32], specs=[[{"colspan": 2}, None], [{}, {}]],
        subplot_titles=["", "dot product", "cosine"], horizontal_spacing=0.16, vertical_spacing=0.16,
    )  # fmt: skip
    _plane(figure, data)
    _curves(figure, data)
    p = "∞" if data["p"] == "infinity" else data["p"]
    shadow = ", ".join(_shown(value, 2) for value in data["projection"])
    title = (
        f"u · v = {_shown(data['dot'], 2)}   cosine = {_shown(data['cosine'], 3)}<br>"
        f"‖v‖<sub>{p}</sub> = {_shown(data['size'], 2)}   projection = ({shadow})"
    )
    figure.update_layout(
        title={"text": title, "font": {"size": 15}},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": "#767676"},
        margin={"l": 50, "r": 15, "t": 65, "b": 110},
        height=680,
        legend={"orientation": "h", "y": -0.12, "yanchor": "top"},
    )
    return figure
