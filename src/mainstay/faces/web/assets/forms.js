// Small helps for forms. Every form works without them.

export function startForms() {
  for (const form of document.querySelectorAll("form[data-autosubmit]")) {
    form.addEventListener("change", (event) => {
      if (event.target.matches("select, [type=checkbox]")) form.requestSubmit();
    });
    // An empty filter says nothing, so it stays out of the address.
    form.addEventListener("formdata", (event) => {
      for (const [name, value] of [...event.formData]) if (!value) event.formData.delete(name);
    });
  }
  const oneTime = document.querySelector("form[data-one-time]");
  if (oneTime && location.hash.length > 1) {
    oneTime.elements.secret.value = location.hash.slice(1);
    // The secret leaves the address bar and the history before anything else happens.
    history.replaceState(null, "", location.pathname);
    oneTime.submit();
  }
  const fold = document.querySelector("details[data-fold]");
  if (fold && matchMedia("(max-width: 980px)").matches) fold.open = false;
  addEventListener("beforeprint", () => fold && (fold.open = true));
  closeMenus();
  offerNotifications();
}

function closeMenus() {
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open], details.filter-fold[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
}

function offerNotifications() {
  const button = document.querySelector("[data-notify]");
  if (!button) return;
  const said = document.querySelector("[data-notify-state]");
  const tell = () => {
    const known = "Notification" in window ? Notification.permission : "unsupported";
    const text = { granted: "They are on in this browser.", denied: "This browser forbids them; its site settings can allow them.", unsupported: "This browser has none." };
    said.textContent = text[known] ?? "";
    button.disabled = known !== "default";
  };
  button.addEventListener("click", () => Notification.requestPermission().then(tell));
  tell();
}
