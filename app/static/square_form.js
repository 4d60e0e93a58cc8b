// Square's card field. It gives a one-time token, with the bank's approval where it wants to be asked, for us to charge.
"use strict";

gatewayForm.open(async () => {
  const { facts, fields } = gatewayForm;
  const payments = await window.Square.payments(facts.publicKey, facts.token);
  const card = await payments.card();
  await card.attach(fields);
  return card;
}, async (card) => {
  const { form, facts } = gatewayForm;
  const result = await card.tokenize({
    ...(facts.amount && { amount: facts.amount }),
    currencyCode: facts.currency,
    intent: facts.intent,
    billingContact: { givenName: facts.name, email: facts.email, countryCode: facts.country },
    customerInitiated: true,
    sellerKeyedIn: false,
  });
  if (result.status !== "OK") {
    return result.errors?.map((error) => error.message).join(" ") || "The card was not accepted. Check what you entered.";
  }
  form.elements.token.value = result.token;
  form.submit();
  return undefined;
});
