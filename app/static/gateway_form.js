// A gateway's own form: its script is fetched, has its fields put into our page, and says what became of them. Whatever
// goes wrong with that, the way to the gateway's page is there again. What is entered never comes by here.
"use strict";

const gatewayForm = (() => {
  const form = document.getElementById("gateway-form");
  const refusal = document.getElementById("gateway-refusal");
  const instead = document.getElementById("gateway-instead");
  const button = form.querySelector("button[type=submit]");
  const PATIENCE = 20000;

  const fetched = () => new Promise((there, away) => {
    const script = document.createElement("script");
    Object.assign(script, { src: form.dataset.script, onload: there, onerror: away });
    document.head.append(script);
  });

  const inTime = (work) => Promise.race([work, new Promise((_, late) => { setTimeout(late, PATIENCE); })]);

  const LOST = "No answer came. Load this page again to see how it stands, before you try once more.";

  // One at a time: whoever clicks twice sends once. A sentence is why it was refused; without one the page is left.
  // The last refusal keeps its room meanwhile, so that nothing else comes to stand under the second click.
  const send = async (work) => {
    if ("busy" in form.dataset) return;
    form.dataset.busy = "";
    const said = await work().catch(() => LOST);
    if (!said) return;
    refusal.textContent = said;
    delete form.dataset.busy;
  };

  // `show` puts the fields in place and gives what `submit` needs to send them.
  const open = async (show, submit) => {
    instead.hidden = true;
    try {
      await inTime(fetched());
      const fields = await inTime(show());
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        send(() => submit(fields));
      });
      button.hidden = false;
    } catch {
      document.getElementById("gateway-fields").replaceChildren();
      instead.hidden = false;
    }
  };

  return { form, facts: form.dataset, fields: "#gateway-fields", open };
})();
