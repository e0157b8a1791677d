// Beats while the page is seen, so that htmx asks again; leaves the reader where they are; copies; tells times as the
// reader's clock does; says when the service is gone.
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

  const forms = { time: { hour: "2-digit", minute: "2-digit" }, day: { dateStyle: "medium", timeStyle: "short" } };
  const localise = () => {
    for (const time of document.querySelectorAll("time[data-local]:not([title])")) {
      time.title = time.dateTime.replace("T", " ").replace(/\+00:00$/, " UTC");
      const writer = new Intl.DateTimeFormat(document.documentElement.lang, { hourCycle: "h23", ...forms[time.dataset.local] });
      time.textContent = writer.format(new Date(time.dateTime));
    }
  };
  localise();
  for (const moved of ["htmx:afterSwap", "htmx:oobAfterSwap"]) document.body.addEventListener(moved, localise);

  // What is exchanged takes focus and scrolling with it: both go to what stands in its place.
  let focused = null;
  document.body.addEventListener("htmx:beforeSwap", ({ detail }) => {
    focused = detail.target.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  });
  document.body.addEventListener("htmx:afterSwap", () => {
    if (focused) document.querySelector(`main a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
    focused = null;
  });
  let scrolled = 0;
  const events = () => document.getElementById("event-list");
  document.body.addEventListener("htmx:oobBeforeSwap", () => { scrolled = events()?.scrollTop ?? 0; });
  document.body.addEventListener("htmx:oobAfterSwap", () => { if (events()) events().scrollTop = scrolled; });

  // Behind a proxy the service does not know by which address it was reached; the browser does.
  const address = (root) => {
    if (document.body.dataset.root === location.origin) return;
    for (const code of root.querySelectorAll(".command code")) {
      code.textContent = code.textContent.replaceAll(document.body.dataset.root, location.origin);
    }
  };

  const offerCopies = (root) => {
    address(root);
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
