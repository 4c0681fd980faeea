"use strict";
// Says once that a person has this page before them: it is visible, and somebody moves on it.
// Programs that fetch links in advance, or draw pages to check them, do not.
(() => {
  // Not "scroll": a script that scrolls makes trusted ones.
  const signs = ["pointermove", "pointerdown", "touchstart", "keydown", "wheel"];
  const tell = (event) => {
    if (!event.isTrusted || document.visibilityState !== "visible") return;
    signs.forEach((sign) => removeEventListener(sign, tell));
    fetch(location.pathname + "seen/", {
      method: "POST",
      credentials: "omit",
      keepalive: true,
      referrerPolicy: "no-referrer",
    }).catch(() => {});
  };
  signs.forEach((sign) => addEventListener(sign, tell, { passive: true }));
})();
