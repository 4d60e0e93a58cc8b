// The small part of Square's Web Payments SDK that card forms use: Square.payments(application, location).card(), and
// the card's attach(place) and tokenize(details).
window.Square = {
  payments: (application, location) => ({
    card: async () => {
      let field;
      return {
        attach: async (selector) => {
          field = simulatedFrames.cardField(document.querySelector(selector));
          await field.ready;
        },
        tokenize: async (details) => {
          let told = await field.ask("/v1/tokenize", { application, location, details });
          if (told.approval) {
            await field.challenge(told.approval);
            told = await field.ask("/v1/tokenized", { token: told.token });
          }
          return told.errors ? { status: "Error", errors: told.errors } : { status: "OK", token: told.token };
        },
      };
    },
  }),
};
