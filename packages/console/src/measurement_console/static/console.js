// Say when the line to the console is broken, so that no page shows something that is not so.
"use strict";

(() => {
  const PATIENCE = 3000; // ms; every stream sends something each second
  const line = document.getElementById("line");
  let heard = Date.now();
  let asking = false;

  function say(text) {
    if (line.textContent !== text) line.textContent = text;
    line.hidden = !text;
    document.body.classList.toggle("broken", Boolean(text));
  }

  function hear() {
    heard = Date.now();
    say("");
  }

  async function explain() {
    const since = new Date(heard).toLocaleTimeString([], { hourCycle: "h23" });
    let why = "The console does not answer. Is measurement-console running?";
    asking = true;
    try {
      const answer = await fetch("/alive", { cache: "no-store" });
      if (answer.status === 401) {
        why = "The console was started again. Open the link that it printed.";
      } else if (answer.ok) {
        why = "The console answers, but its stream does not. Load the page again.";
      }
    } catch { /* it does not answer */ }
    asking = false;
    if (Date.now() - heard > PATIENCE) {
      say(`No connection since ${since}: this page shows what was so then. ${why}`);
    }
  }

  document.addEventListener("htmx:sse:before:message", hear);
  document.addEventListener("visibilitychange", () => { heard = Date.now(); });
  setInterval(() => {
    if (!document.hidden && !asking && Date.now() - heard > PATIENCE) explain();
  }, 500);
})();

// Rows that a page's stream adds to the top of its table; the oldest rows go.
(() => {
  const body = document.getElementById("rows");
  if (!body) return;

  function add(texts) {
    const row = document.createElement("tr");
    const names = body.closest("table").querySelectorAll("th");
    texts.forEach((text, place) => {
      const cell = row.insertCell();
      cell.textContent = text;
      cell.dataset.label = names[place].textContent;
    });
    body.prepend(row);
  }

  document.addEventListener("rows", (event) => {
    const data = JSON.parse(event.detail.data);
    if (data.missed) add(["", `${data.missed} rows are missing here: this page was too slow.`]);
    data.rows.forEach(add);
    while (body.rows.length > Number(body.dataset.most)) body.deleteRow(-1);
  });
})();

// Copy the text of another element.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  button.textContent = "Copied";
});
