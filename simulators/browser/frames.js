// What both simulated scripts stand on: a card field in a frame of the gateway's own, and the bank's page in another.
"use strict";

const simulatedFrames = (() => {
  const { origin } = new URL(document.currentScript.src);
  let asked = 0;

  const frame = (path, title, height) => {
    const made = document.createElement("iframe");
    Object.assign(made, { src: new URL(path, origin), title });
    Object.assign(made.style, { width: "100%", height: `${height}px`, border: "0", colorScheme: "light", background: "#fff" });
    return made;
  };

  const heard = (from, wanted) => new Promise((resolve) => {
    const listen = ({ source, data }) => {
      if (source !== from.contentWindow || !wanted(data)) return;
      removeEventListener("message", listen);
      resolve(data);
    };
    addEventListener("message", listen);
  });

  // A card field inside a place: `ask` has it send what was entered, `challenge` shows the bank's page until it is done.
  const cardField = (place) => {
    const field = frame("/browser/card", "Card details", 200);
    const ready = new Promise((resolve) => { field.addEventListener("load", resolve, { once: true }); });
    place.replaceChildren(field);
    return {
      ready,
      ask: async (path, body) => {
        const id = ++asked;
        field.contentWindow.postMessage({ id, path, body }, origin);
        return (await heard(field, (data) => data.id === id)).told;
      },
      challenge: async (url) => {
        const bank = frame(url, "Your bank", 200);
        place.append(bank);
        await heard(bank, (data) => data.answered);
        bank.remove();
      },
    };
  };

  return { cardField };
})();
