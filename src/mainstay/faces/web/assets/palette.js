// Go to anything: a list that the server fills, and arrows to walk it.

const dialog = document.getElementById("palette");
if (dialog) {
  const field = dialog.querySelector("input");
  const list = document.getElementById("palette-list");
  const links = () => [...list.querySelectorAll("a")];

  dialog.addEventListener("opened", () => {
    field.select();
    field.dispatchEvent(new CustomEvent("palette-open", { bubbles: true }));
  });

  const choose = (link) => {
    for (const one of links()) one.classList.toggle("is-chosen", one === link);
    link?.scrollIntoView({ block: "nearest" });
  };

  dialog.addEventListener("keydown", (event) => {
    const all = links();
    const at = all.findIndex((one) => one.classList.contains("is-chosen"));
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const by = event.key === "ArrowDown" ? 1 : -1;
      choose(all[(at + by + all.length) % all.length]);
    } else if (event.key === "Enter" && event.target === field && all.length) {
      event.preventDefault();
      location.assign(all[Math.max(at, 0)].href);
    }
  });

  new MutationObserver(() => choose(links()[0])).observe(list, { childList: true });
  // A click beside the dialog closes it.
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
}
