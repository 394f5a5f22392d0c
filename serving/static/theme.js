"use strict";
// The system's theme, unless the user has chosen one with the button.
(function () {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* storage may be blocked */ }
  const show = () => { root.dataset.theme = chosen || (dark.matches ? "dark" : "light"); };
  const showAndNotify = () => { show(); dispatchEvent(new Event("themechange")); };
  show();
  dark.addEventListener("change", showAndNotify);
  document.getElementById("theme").addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", chosen); } catch { /* the choice lasts until the page is closed */ }
    showAndNotify();
  });
})();
