// How long a code can still be paid, counted down. Without it the page says so in minutes, as of when it was made.
"use strict";

const tick = () => document.querySelectorAll("[data-countdown]").forEach((place) => {
  const seconds = Math.max(0, Math.floor((Date.parse(place.dataset.countdown) - Date.now()) / 1000));
  const [minutes, rest] = [Math.floor(seconds / 60), String(seconds % 60).padStart(2, "0")];
  place.textContent = seconds ? `${minutes}:${rest} left` : "the time is over";
});

setInterval(tick, 1000);
document.addEventListener("DOMContentLoaded", tick);
