/* Only what htmx does not say by itself: that sending failed, and what has changed.
   The page works without this file. */
(() => {
  "use strict";
  const announcer = document.getElementById("announcer");
  const failure = document.getElementById("not-sent");
  const QUIET_AFTER_SWAP = 800; // ms
  let swappedAt = -Infinity;

  const isChoice = (event) => event.detail.requestConfig?.verb === "post";
  const on = (name, listener) => document.body.addEventListener(name, listener);

  const announce = (text) => {
    if (text) announcer.textContent = text;
  };
  const fail = () => {
    failure.hidden = false;
    // The button was disabled while sending, and lost the focus by that.
    setTimeout(() => document.querySelector("#choice button").focus());
  };
  const confirmations = () => document.getElementById("confirmations")?.dataset.announce;
  let confirmed = confirmations();

  on("htmx:beforeRequest", (event) => {
    if (!isChoice(event)) return;
    // The second half of a double click must not press the button that has just appeared.
    if (performance.now() - swappedAt < QUIET_AFTER_SWAP) event.preventDefault();
    else failure.hidden = true;
  });

  // Swap in what is the expected part of the page, whatever its status, and nothing else: not
  // a sign-in page after a redirect, nor a proxy's error page.
  on("htmx:beforeSwap", (event) => {
    const { target, xhr } = event.detail;
    const expected = xhr.responseText.includes(`id="${target.id}"`);
    event.detail.shouldSwap = expected;
    if (expected) event.detail.isError = false;
    else if (isChoice(event)) fail();
  });

  for (const name of ["htmx:sendError", "htmx:timeout"]) {
    on(name, (event) => {
      if (isChoice(event)) fail();
    });
  }

  on("htmx:afterSettle", (event) => {
    if (isChoice(event)) {
      swappedAt = performance.now();
      document.getElementById("choice-heading").focus();
      announce(document.getElementById("choice").dataset.announce);
      confirmed = confirmations();
    } else if (confirmed !== confirmations()) {
      // Only what has changed: polling by itself is not worth an interruption.
      confirmed = confirmations();
      announce(confirmed);
    }
  });
})();
