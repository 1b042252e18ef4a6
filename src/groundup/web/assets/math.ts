import katex from "katex";

/** Typesets every `.math` element below a root. TeX that KaTeX cannot read stays as it was written. */
export function typeset(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLElement>(".math:not(.typeset)")) {
    const tex = element.textContent ?? "";
    try {
      katex.render(tex, element, { displayMode: element.classList.contains("display"), throwOnError: true, trust: false });
      element.classList.add("typeset");
    } catch {
      element.textContent = tex;
    }
  }
}
