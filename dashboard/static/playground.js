// Chats with the chosen models at once: POST /chat for each, streamed. Nothing is kept but this tab's count of votes.
"use strict";
(() => {
  const form = document.getElementById("playground");
  const words = form.dataset;
  const byId = (id) => document.getElementById(id);
  const [answers, vote, tally, text, unsent] = ["answers", "vote", "tally", "text", "unsent"].map(byId);
  const hint = answers.firstElementChild;
  const [curl, python] = [...form.querySelectorAll("pre code")];
  const failures = JSON.parse(words.failures);
  const votes = JSON.parse(sessionStorage.getItem("votes") || "{}");
  let columns = [];
  let running = null;

  const element = (name, className, content) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (content) made.textContent = content;
    return made;
  };
  // Names break behind the same signs as on the other pages.
  const name = (place, words) => place.replaceChildren(...words.split(/(?<=[:/-])/).flatMap((piece) => [piece, element("wbr")]));
  const chosen = () => [...form.querySelectorAll("input[name=model]:checked")].map((box) => box.value);
  const letter = (at) => String.fromCharCode(65 + at);
  const shuffled = (names) => {
    for (let at = names.length - 1; at > 0; at--) {
      const other = crypto.getRandomValues(new Uint32Array(1))[0] % (at + 1);
      [names[at], names[other]] = [names[other], names[at]];
    }
    return names;
  };

  const body = (model, messages) => {
    const asked = { model, messages };
    for (const name of ["temperature", "max_tokens"]) {
      if (byId(name).value !== "") asked[name] = Number(byId(name).value);
    }
    if (byId("system").value) asked.system = byId("system").value;
    return asked;
  };

  const showCommands = () => {
    const asked = body(chosen()[0] || "", [{ role: "user", content: text.value || "…" }]);
    const json = JSON.stringify(asked);
    const keyed = "keyed" in words;
    const header = keyed ? ' -H "Authorization: Bearer $TUNE9527_KEY"' : "";
    const entry = keyed ? ', "Authorization": "Bearer " + os.environ["TUNE9527_KEY"]' : "";
    curl.textContent = `curl ${location.origin}/chat${header} -H 'Content-Type: application/json' \\\n  -d '${json.replaceAll("'", "'\\''")}'`;
    python.textContent = `import json\n${keyed ? "import os\n" : ""}import urllib.request\n\nasked = json.loads(${JSON.stringify(json)})\n`
      + `headers = {"Content-Type": "application/json"${entry}}\n`
      + `request = urllib.request.Request("${location.origin}/chat", json.dumps(asked).encode(), headers)\n`
      + `print(json.load(urllib.request.urlopen(request))["response"]["content"])`;
  };

  const build = () => {
    const blind = byId("blind").checked && chosen().length > 1;
    const names = blind ? shuffled(chosen()) : chosen();
    columns = names.map((model, at) => {
      const place = element("section", "card answer");
      const title = element("h2", "name");
      name(title, blind ? `${words.model} ${letter(at)}` : model);
      const talk = element("div", "talk");
      title.id = `answer-${at}`;
      talk.tabIndex = 0;
      talk.setAttribute("role", "region");
      talk.setAttribute("aria-labelledby", title.id);
      place.append(title, talk);
      return { model, place, title, talk, messages: [], blind };
    });
    answers.replaceChildren(...(columns.length ? columns.map((column) => column.place) : [hint]));
  };
  const fits = () => {
    const names = columns.map((column) => column.model).sort().join("\n");
    return names === chosen().sort().join("\n") && columns.every((one) => one.blind === (byId("blind").checked && columns.length > 1));
  };

  const lines = async function* (response) {
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let held = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const parts = (held + value).split("\n");
      held = parts.pop();
      yield* parts;
    }
  };

  // What programs are told, with all its values, follows the page's own words.
  const failed = ({ code, message }) => new Error(failures[code] ? `${failures[code]} (${message})` : message);

  // Says the pieces as they come; returns why the answer ended, as the model's server tells it.
  const read = async (response, said) => {
    let ended = "";
    for await (const line of lines(response)) {
      if (!line.startsWith("data:") || line.includes("[DONE]")) continue;
      const chunk = JSON.parse(line.slice(5));
      if (chunk.error) throw failed(chunk.error);
      said.textContent += chunk.choices?.[0]?.delta?.content ?? "";
      ended = chunk.choices?.[0]?.finish_reason ?? ended;
    }
    return ended;
  };

  const ask = async (column, content, signal) => {
    column.messages.push({ role: "user", content });
    column.talk.append(element("p", "you", content));
    const said = column.talk.appendChild(element("p", "said"));
    const began = performance.now();
    try {
      const response = await fetch("/chat", {
        method: "POST", signal, headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ ...body(column.model, column.messages), stream: true }),
      });
      if (!response.ok) throw failed((await response.json()).response);
      const ended = await read(response, said);
      if (ended === "length") column.talk.append(element("p", "hint", words.cut));
      column.talk.append(element("p", "hint", `${((performance.now() - began) / 1000).toFixed(1)} ${words.seconds}`));
    } catch (error) {
      const told = signal.aborted ? words.stopped : error instanceof TypeError ? words.gone : error.message;
      column.talk.append(element("p", "hint bad", told));
    }
    if (said.textContent) column.messages.push({ role: "assistant", content: said.textContent });
    else column.messages.pop();
  };

  const showTally = () => {
    tally.replaceChildren(...Object.entries(votes).map(([model, count]) => {
      const row = element("div");
      row.append(element("dt", "", model), element("dd", "", `${count} ${count === 1 ? words.vote : words.votes}`));
      return row;
    }));
  };

  const offerVote = () => {
    const choices = columns.map((column, at) => [words.better.replace("{model}", `${words.model} ${letter(at)}`), column.model]);
    vote.replaceChildren(...[...choices, [words.tie, null]].map(([label, model]) => {
      const button = element("button", "", label);
      button.type = "button";
      button.addEventListener("click", () => {
        if (model) votes[model] = (votes[model] || 0) + 1;
        sessionStorage.setItem("votes", JSON.stringify(votes));
        columns.forEach((column, at) => { name(column.title, `${letter(at)}: ${column.model}`); });
        vote.hidden = true;
        columns.forEach((column) => { column.voted = true; });
        showTally();
        text.focus();
      });
      return button;
    }));
    vote.hidden = false;
  };

  const send = async () => {
    const content = text.value.trim();
    unsent.textContent = chosen().length ? "" : words.choose;
    if (!content || running || !chosen().length) return;
    if (!fits() || columns.some((column) => column.voted)) build();
    text.value = "";
    vote.hidden = true;
    running = new AbortController();
    byId("send").disabled = true;
    byId("stop").hidden = false;
    answers.setAttribute("aria-busy", "true");
    const asked = columns;
    await Promise.all(asked.map((column) => ask(column, content, running.signal)));
    running = null;
    byId("send").disabled = false;
    byId("stop").hidden = true;
    answers.setAttribute("aria-busy", "false");
    // Only what all have answered can be weighed, and not what was cleared meanwhile.
    const all = asked.every((column) => column.messages.at(-1)?.role === "assistant");
    if (asked === columns && asked[0].blind && all) offerVote();
  };

  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  form.addEventListener("input", showCommands);
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit(); // says what is missing, as the button does
  });
  byId("stop").addEventListener("click", () => running?.abort());
  byId("clear").addEventListener("click", () => {
    running?.abort();
    vote.hidden = true;
    build();
    text.focus();
  });
  byId("filter")?.addEventListener("input", (event) => {
    for (const choice of form.querySelectorAll(".choices .choice")) {
      choice.hidden = !choice.textContent.toLowerCase().includes(event.target.value.toLowerCase());
    }
  });
  showTally();
  showCommands();
})();
