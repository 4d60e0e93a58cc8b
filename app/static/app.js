// What HTMX and plain HTML leave to do. Everything here is an addition: pages work without it.
"use strict";

const root = document.documentElement;
const byId = (id) => document.getElementById(id);
const on = (names, act) => names.split(" ").forEach((name) => document.addEventListener(name, act));
const announce = (text) => { byId("announcement").textContent = text; };

// Good news goes by itself, but not while somebody reads it.
const fade = (note) => setTimeout(() => (note.matches(":hover, :focus-within") ? fade(note) : note.remove()), 8000);

// Buttons that need a script are hidden until there is one; swapped-in content brings its own.
const equip = () => {
  document.querySelectorAll("[data-theme-toggle], [data-copy], [data-reveal]").forEach((button) => { button.hidden = false; });
  document.querySelectorAll("[data-fades]").forEach((note) => {
    note.removeAttribute("data-fades");
    fade(note);
  });
};

const showTheme = () => document.querySelectorAll("[data-theme-toggle]").forEach((button) => {
  button.setAttribute("aria-pressed", String(root.dataset.bsTheme === "dark"));
});

const presses = {
  "[data-theme-toggle]": () => {
    localStorage.setItem("theme", root.dataset.bsTheme === "dark" ? "light" : "dark");
    root.dataset.bsTheme = localStorage.getItem("theme");
    showTheme();
  },
  "[data-dismiss]": (button) => button.closest(".note").remove(),
  "dialog [data-close]": (link, event) => {
    event.preventDefault();
    byId("modal").close();
  },
  "[data-copy]": async (button) => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("copied");
    announce("Copied");
    setTimeout(() => button.classList.remove("copied"), 1500);
  },
  "[data-reveal]": (button) => {
    const input = byId(button.dataset.reveal);
    input.type = input.type === "password" ? "text" : "password";
    button.setAttribute("aria-pressed", String(input.type === "text"));
  },
};

on("click", (event) => {
  for (const [selector, press] of Object.entries(presses)) {
    const pressed = event.target.closest(selector);
    if (pressed) press(pressed, event);
  }
});

on("keydown", (event) => {
  if (!(event.ctrlKey || event.metaKey) || event.key !== "k") return;
  const search = document.querySelector("[data-shortcut=k]");
  if (!search) return;
  event.preventDefault();
  search.select();
});

// A menu opens where its button is: below it, or above when there is no room.
document.addEventListener("toggle", (event) => {
  const button = event.newState === "open" && document.querySelector(`[popovertarget="${event.target.id}"][data-anchor]`);
  if (!button) return;
  const menu = event.target, near = button.getBoundingClientRect(), size = menu.getBoundingClientRect();
  const below = near.bottom + size.height < innerHeight;
  menu.style.inset = `${below ? near.bottom : near.top - size.height}px auto auto ${Math.max(8, near.right - size.width)}px`;
}, true);

// The names of HTMX 2 and of HTMX 4 stand side by side.
on("htmx:configRequest htmx:config:request", ({ detail }) => {
  const headers = detail.headers || detail.ctx.request.headers;
  headers["X-CSRFToken"] = byId("csrf").dataset.token;
});

// A refusal names the place for its message itself; without one the answer is not ours.
const noAnswer = () => byId("toasts").append(byId("no-answer").content.cloneNode(true));
on("htmx:beforeSwap", ({ detail }) => { detail.shouldSwap ||= detail.xhr.getResponseHeader("HX-Retarget") !== null; });
on("htmx:responseError", ({ detail }) => { if (!detail.xhr.getResponseHeader("HX-Retarget")) noAnswer(); });
on("htmx:sendError htmx:timeout", noAnswer);

on("htmx:beforeRequest", ({ detail }) => detail.target.setAttribute("aria-busy", "true"));
on("htmx:afterRequest", ({ detail }) => detail.target.removeAttribute("aria-busy"));

on("htmx:afterSwap", ({ detail }) => {
  const modal = byId("modal");
  equip();
  if (detail.target.id === "modal-body" && !modal.open) modal.showModal();
  // What was swapped as a whole is gone, and another one of that id stands in its place.
  else if (modal.open && !modal.contains(byId(detail.target.id) ?? detail.target)) modal.close();
});

// Whatever had the focus may be gone: then it goes to what came instead.
on("htmx:afterSettle", ({ detail }) => {
  if (document.activeElement !== document.body) return;
  (detail.elt.querySelector("[autofocus], [tabindex='-1']") || byId("main")).focus();
});

on("DOMContentLoaded", () => {
  equip();
  showTheme();
  announce([...document.querySelectorAll("#toasts .note p")].map((note) => note.textContent).join(" "));
});
