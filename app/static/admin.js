// The search box of the staff: arrows walk through what was found, Escape empties it.
"use strict";

document.addEventListener("keydown", (event) => {
  const box = event.target.closest("[data-arrows]");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!box || !(step || event.key === "Escape")) return;
  event.preventDefault();
  const input = box.querySelector("input");
  const stops = [input, ...box.querySelectorAll("a")];
  const next = step ? stops[(stops.indexOf(document.activeElement) + step + stops.length) % stops.length] : input;
  if (!step) {
    input.value = "";
    box.querySelector("#search-panel").replaceChildren();
    box.querySelector("#search-panel").classList.remove("search-panel");
  }
  next.focus();
});
