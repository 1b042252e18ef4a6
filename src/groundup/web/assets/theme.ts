// Runs before the first paint: a chosen theme must not flash.
try {
  const chosen = localStorage.getItem("groundup-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch {
  // Storage can be forbidden; then the system's theme it is.
}
