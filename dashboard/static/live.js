// Beats while the page is seen, so that htmx asks again; copies; says when the service is gone. Nothing else.
"use strict";
(() => {
  const notice = document.getElementById("notice");
  let beats = 0;
  setInterval(() => {
    if (document.visibilityState !== "visible") return;
    htmx.trigger(document.body, "tick");
    if (++beats % 5 === 0) htmx.trigger(document.body, "slow-tick");
  }, 1000);
  document.body.addEventListener("htmx:sendError", () => {
    const words = document.createElement("p");
    words.className = "notice";
    words.textContent = notice.dataset.lost;
    notice.replaceChildren(words);
  });
  document.body.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful) notice.replaceChildren();
  });

  const offerCopies = (root) => {
    if (!navigator.clipboard) return; // no https, no clipboard: the text can still be marked
    for (const button of root.querySelectorAll("button.copy[hidden]")) {
      button.hidden = false;
      const label = button.textContent;
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(button.closest(".command").querySelector("code").textContent);
        button.textContent = button.dataset.done;
        setTimeout(() => { button.textContent = label; }, 1500);
      });
    }
  };
  offerCopies(document);
  document.body.addEventListener("htmx:afterSettle", (event) => offerCopies(event.target));
})();
