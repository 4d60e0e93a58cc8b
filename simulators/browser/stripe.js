// The small part of Stripe.js that card forms use: Stripe(key).elements({clientSecret}).create("payment").mount(place),
// confirmPayment and confirmSetup.
window.Stripe = (key) => {
  const confirm = async ({ elements, confirmParams }) => {
    const secret = { key, client_secret: elements.clientSecret };
    let told = await elements.card.ask("/v3/confirm", secret);
    if (told.approval) {
      await elements.card.challenge(told.approval);
      told = await elements.card.ask("/v3/outcome", secret);
    }
    if (told.error) return { error: told.error };
    const back = new URL(confirmParams.return_url);
    Object.entries(told.query).forEach(([name, value]) => back.searchParams.set(name, value));
    location.assign(back);
    return new Promise(() => {});
  };

  const elements = ({ clientSecret }) => {
    const group = {
      clientSecret,
      create: (kind) => {
        if (kind !== "payment") throw new Error(`This simulator has no ${kind} element.`);
        const listeners = {};
        return {
          on: (event, listener) => { listeners[event] = listener; },
          mount: (selector) => {
            group.card = simulatedFrames.cardField(document.querySelector(selector));
            group.card.ready.then(() => listeners.ready?.());
          },
        };
      },
    };
    return group;
  };

  return { elements, confirmPayment: confirm, confirmSetup: confirm };
};
