"use strict";
// Light or dark as the system has it, unless the button was pressed here before.
(function () {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try { chosen = localStorage.getItem("theme"); } catch { /* storage may be forbidden */ }
  const show = () => { root.dataset.theme = chosen || (dark.matches ? "dark" : "light"); };
  const tell = () => { show(); dispatchEvent(new Event("themechange")); };
  show();
  dark.addEventListener("change", tell);
  document.getElementById("theme").addEventListener("click", () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("theme", chosen); } catch { /* then only for now */ }
    tell();
  });
})();
