/** The bar of a narrow page says which part is in view. */
export function marksPlace(): void {
  const tabs = [...document.querySelectorAll<HTMLAnchorElement>(".tabs a")];
  const parts = tabs.map((tab) => document.querySelector<HTMLElement>(tab.hash));
  const watcher = new IntersectionObserver(mark, { rootMargin: "-20% 0px -70% 0px" });
  const seen = new Set<Element>();

  function mark(changes: IntersectionObserverEntry[]): void {
    for (const change of changes) {
      if (change.isIntersecting) seen.add(change.target);
      else seen.delete(change.target);
    }
    // Figure and questions lie within the lesson: the innermost part in view is the place.
    const inView = parts.filter((part): part is HTMLElement => part !== null && seen.has(part));
    const place = inView.find((part) => !inView.some((other) => other !== part && part.contains(other)));
    tabs.forEach((tab, index) => {
      if (place && parts[index] === place) tab.setAttribute("aria-current", "true");
      else tab.removeAttribute("aria-current");
    });
  }

  for (const part of parts) if (part) watcher.observe(part);
}
