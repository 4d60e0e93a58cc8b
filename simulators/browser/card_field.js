// Inside the frame: what the payer enters goes to this gateway alone, and the page around hears what came of it.
"use strict";

addEventListener("message", async ({ data, source, origin }) => {
  if (!data.path) return;
  const card = Object.fromEntries(new FormData(document.forms[0]));
  card.number = card.number.replace(/\D/g, "");
  const answer = await fetch(data.path, { method: "POST", body: JSON.stringify({ ...data.body, card }) });
  source.postMessage({ id: data.id, told: await answer.json() }, origin);
});

document.forms[0].addEventListener("submit", (event) => event.preventDefault());
