// Plotly, in the page's own colors and under its strict policy. Every drawing of the page goes through here.

export function color(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The drawing in the page's own colors: Plotly's default theme knows neither dark nor light. */
function dressed(layout: Record<string, unknown>): Record<string, unknown> {
  const text = color("--text");
  const line = color("--line");
  const axis = { gridcolor: line, zerolinecolor: color("--edge"), linecolor: color("--edge"), automargin: true };
  const colorway = ["#3b82b8", "#d9822b", "#4f9d69", "#b0527a", "#8a6fc2", "#7f8a93"];
  const template = {
    layout: {
      font: { color: text, family: "system-ui, sans-serif", size: 13 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      colorway,
      xaxis: axis,
      yaxis: axis,
      margin: { l: 48, r: 16, t: 40, b: 44 },
      hoverlabel: { bgcolor: color("--raised"), font: { color: text } },
    },
  };
  const { width: _width, ...rest } = layout;
  return { ...rest, template, autosize: true, dragmode: false };
}

/** The rules that Plotly writes at run time go into elements that carry the page's nonce. */
function styleElement(id: string): void {
  if (document.getElementById(id)) return;
  const style = document.createElement("style");
  style.id = id;
  style.nonce = document.documentElement.dataset["styleNonce"] ?? "";
  document.head.append(style);
}

/**
 * Plotly writes some styles as attributes, which the page's policy forbids, and which scripts may do through the style
 * object. The same words go that way; the policy stays strict.
 */
function stylesByObject(): void {
  const set = Element.prototype.setAttribute;
  Element.prototype.setAttribute = function (name: string, value: string): void {
    if (name === "style" && (this instanceof HTMLElement || this instanceof SVGElement)) this.style.cssText = value;
    else set.call(this, name, value);
  };
}

let library: Promise<typeof import("plotly.js-cartesian-dist-min")> | null = null;

function plotly(): Promise<typeof import("plotly.js-cartesian-dist-min")> {
  if (!library) {
    styleElement("plotly.js-style-global");
    stylesByObject();
    library = import("plotly.js-cartesian-dist-min");
  }
  return library;
}

/** Draw, or draw anew, into an element; `label` says in words what is seen. */
export async function draw(where: HTMLElement, data: unknown[], layout: Record<string, unknown>, label: string): Promise<void> {
  const { default: drawing } = await plotly();
  where.setAttribute("role", "img");
  where.setAttribute("aria-label", label);
  await drawing.react(where, data, dressed(layout), { displayModeBar: false, responsive: true });
}
