// The part of Plotly that is used; its package has no types of its own.
declare module "plotly.js-cartesian-dist-min" {
  interface Plotly {
    react(where: HTMLElement, data: unknown[], layout: Record<string, unknown>, config?: Record<string, unknown>): Promise<unknown>;
  }
  const plotly: Plotly;
  export default plotly;
}
