// The editor of the SQL desk: names are completed, Ctrl+Enter runs, a read that runs can be stopped.
const SHOWN = 8;

export function startSql() {
  const form = document.querySelector("form[data-sql]");
  if (!form) return;
  const editor = form.elements.sql;
  editor.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector("[name=do][value=run]"));
    }
  });
  offerStop(form);
  if (!editor.readOnly) complete(form, editor);
}

function offerStop(form) {
  const button = form.querySelector("[data-sql-cancel]");
  form.addEventListener("submit", () => {
    // A page that was come back to asks under a name of its own.
    form.elements.token.value = crypto.randomUUID?.().replaceAll("-", "") ?? form.elements.token.value;
    button.hidden = false;
  });
  addEventListener("pageshow", () => (button.hidden = true));
  button.addEventListener("click", () => {
    const body = new FormData();
    body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    fetch(`/sql/cancel/${form.elements.token.value}`, { method: "POST", body });
  });
}

function complete(form, editor) {
  const list = document.getElementById("sql-words");
  let words;
  let chosen = 0;
  const current = () => /[\p{L}\p{N}_]+$/u.exec(editor.value.slice(0, editor.selectionStart))?.[0] ?? "";
  const close = () => (list.hidden = true);
  const accept = (word) => {
    const part = current();
    editor.setRangeText(word, editor.selectionStart - part.length, editor.selectionStart, "end");
    close();
    editor.focus();
  };
  const draw = (found) => {
    list.replaceChildren(
      ...found.map((word, place) => {
        const item = document.createElement("li");
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = word;
        if (place === chosen) button.setAttribute("aria-current", "true");
        button.addEventListener("click", () => accept(word));
        item.append(button);
        return item;
      }),
    );
    list.hidden = !found.length;
  };
  const fitting = () => {
    const part = current().toLowerCase();
    if (part.length < 2) return [];
    return words.filter((word) => word.toLowerCase().startsWith(part) && word.toLowerCase() !== part).slice(0, SHOWN);
  };
  editor.addEventListener("input", async () => {
    words ??= fetch(form.dataset.words).then((answer) => (answer.ok ? answer.json() : { words: [] })).then((got) => got.words);
    words = await words;
    chosen = 0;
    draw(fitting());
  });
  editor.addEventListener("keydown", (event) => {
    if (list.hidden) return;
    const found = fitting();
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      chosen = (chosen + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length;
      draw(found);
    } else if (event.key === "Enter" && !event.ctrlKey && found[chosen]) {
      event.preventDefault();
      accept(found[chosen]);
    }
  });
}
