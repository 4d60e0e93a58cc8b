// Stripe's Payment Element. It tells Stripe itself, and Stripe sends the payer on; we ask Stripe what became of it.
"use strict";

gatewayForm.open(async () => {
  const { facts, fields } = gatewayForm;
  const stripe = window.Stripe(facts.publicKey);
  const theme = document.documentElement.dataset.bsTheme === "dark" ? "night" : "stripe";
  const elements = stripe.elements({ clientSecret: facts.token, appearance: { theme } });
  const element = elements.create("payment");
  await new Promise((ready, failed) => {
    element.on("ready", ready);
    element.on("loaderror", failed);
    element.mount(fields);
  });
  return { stripe, elements };
}, async ({ stripe, elements }) => {
  const { verb, returnUrl } = gatewayForm.facts;
  const { error } = await stripe[verb]({ elements, confirmParams: { return_url: returnUrl } });
  return error && (error.message || "The payment was not accepted. Check what you entered.");
});
