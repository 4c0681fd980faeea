/* On the mail page: tells a press of the button from a script that pretends one.
   Without this file the page works all the same; see docs/adr/0008. */
(() => {
  "use strict";
  const form = document.getElementById("objection");
  if (!form) return;
  const { press } = form.elements;
  press.value = "awaited";
  // Mouse, finger, keyboard and screen reader make trusted events; no script can.
  form.addEventListener("click", (event) => {
    if (event.isTrusted) press.value = "seen";
  });
})();
