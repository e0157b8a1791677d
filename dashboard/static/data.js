// Says how much of an upload is sent, takes back what was said of other files, and has the browser save files. The form
// does without.
"use strict";
(() => {
  const form = document.getElementById("data");
  const place = document.getElementById("sending");
  const [bar, words] = place.children;
  let sent = false;

  // Parts of the form ask too.
  const on = (name, act) => form.addEventListener(name, (event) => { if (event.target === form) act(event); });

  on("htmx:beforeRequest", () => {
    sent = false;
    bar.value = 0;
    words.textContent = place.dataset.sending;
    place.hidden = false;
  });
  on("htmx:xhr:progress", ({ detail }) => {
    if (!sent && detail.lengthComputable) bar.value = detail.loaded / detail.total;
  });
  // The first end is the upload's, the second the answer's.
  on("htmx:xhr:loadend", () => {
    sent = true;
    bar.removeAttribute("value");
    words.textContent = place.dataset.reading;
  });
  on("htmx:afterRequest", () => { place.hidden = true; });
  // What is to be saved the browser asks for itself, before htmx sees it.
  document.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction")) event.stopPropagation();
  }, true);
  document.getElementById("files").addEventListener("change", () => document.getElementById("found").replaceChildren());
})();
