// What the pages cannot do by themselves. Every block has a meaning without script:
// panels are pages, toasts are messages, copied text can be selected.
(() => {
  "use strict";

  const TOAST_MS = 6000;
  const REFRESH_MS = 30000;
  const panel = /** @type {HTMLDialogElement} */ (document.getElementById("panel"));
  const toasts = document.getElementById("toasts");
  const words = document.body.dataset;
  let typed = false;
  let opener = null;

  // Toasts: they wait while the pointer or the focus is on them.
  /** @param {{text: string, label?: string, href?: string, error?: boolean}} facts */
  function toast(facts) {
    const box = document.createElement("div");
    box.className = facts.error ? "toast toast--error" : "toast";
    box.append(facts.text);
    if (facts.href) {
      const link = document.createElement("a");
      link.href = facts.href;
      link.textContent = facts.label;
      box.append(link);
    }
    toasts.append(box);
    fade(box);
  }

  function fade(box) {
    let timer = setTimeout(() => box.remove(), TOAST_MS);
    const wait = () => clearTimeout(timer);
    const go = () => {
      wait();
      timer = setTimeout(() => box.remove(), TOAST_MS);
    };
    box.addEventListener("pointerenter", wait);
    box.addEventListener("focusin", wait);
    box.addEventListener("pointerleave", go);
    box.addEventListener("focusout", go);
  }

  // Panel: opens when htmx has put something into it.
  function openPanel() {
    typed = Boolean(panel.querySelector("[aria-invalid=true]"));
    if (!panel.open) {
      panel.showModal();
    }
    const first = panel.querySelector("[data-focus], [aria-invalid=true], [autofocus]");
    const field = panel.querySelector(".panel__body input, .panel__foot .button");
    (first || field || panel).focus();
  }

  function closePanel(force) {
    if (!force && typed && !window.confirm(words.discard)) {
      return;
    }
    typed = false;
    panel.close();
  }

  panel.addEventListener("cancel", (event) => {
    event.preventDefault();
    closePanel(false);
  });
  panel.addEventListener("close", () => {
    const isSecret = panel.querySelector("[data-refresh]");
    panel.replaceChildren();
    if (opener && !opener.isConnected) {
      document.getElementById("main").focus();
    } else if (opener) {
      opener.focus();
    }
    if (isSecret) {
      refresh();
    }
  });
  panel.addEventListener("input", () => {
    typed = true;
  });
  panel.addEventListener("click", (event) => {
    if (event.target === panel) {
      closePanel(false);
    }
  });

  // Buttons that say what they do in data-action.
  async function copy(button) {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      toast({ text: words.copied });
    } catch {
      const code = button.parentElement.querySelector("code, .mono");
      if (code) {
        window.getSelection().selectAllChildren(code);
      }
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) {
        menu.open = false;
      }
    }
    if (!button) {
      return;
    }
    if (button.dataset.action === "copy") {
      copy(button);
    } else if (panel.open) {
      event.preventDefault();
      closePanel(false);
    }
  });

  // Keys: one letter, never with a modifier, in a field or while composing.
  document.addEventListener("keydown", (event) => {
    const inField = event.target.closest("input:not([type=radio]), textarea, select");
    if (event.key === "Escape") {
      document.querySelectorAll("details.menu[open]").forEach((menu) => {
        menu.open = false;
        menu.querySelector("summary").focus();
      });
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) {
      return;
    }
    if (inField || panel.open || event.key.length !== 1) {
      return;
    }
    const target = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (target) {
      event.preventDefault();
      target.matches("[type=search]") ? target.focus() : target.click();
    }
  });

  // Times: "3 min ago" grows older on its own.
  const STEPS = [["year", 31536000], ["month", 2592000], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const relative = new Intl.RelativeTimeFormat(document.documentElement.lang, { style: "short" });
  function age() {
    for (const time of document.querySelectorAll("time[data-relative]")) {
      const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
      const step = STEPS.find(([, size]) => seconds >= size);
      if (step) {
        time.textContent = relative.format(-Math.floor(seconds / step[1]), step[0]);
      }
    }
  }
  setInterval(age, 60000);

  // Fresh numbers, while somebody looks and nobody types.
  function refresh() {
    document.body.dispatchEvent(new CustomEvent("studio:refresh"));
  }
  function isIdle() {
    const busy = document.activeElement && document.activeElement.closest("input, select, textarea, .card");
    return document.visibilityState === "visible" && !panel.open && !busy
      && !document.querySelector("details.menu[open], main details[open]");
  }
  setInterval(() => isIdle() && refresh(), REFRESH_MS);

  // Charts: the numbers of the bucket under the pointer.
  document.addEventListener("pointerover", (event) => {
    const read = event.target.dataset && event.target.dataset.read;
    if (read) {
      event.target.closest(".chart").querySelector(".chart__read").textContent = read;
    }
  });

  // htmx: what it fetched, what went wrong, what takes a while.
  const on = (name, act) => document.body.addEventListener(name, act);
  on("htmx:beforeRequest", (event) => {
    const { elt, target } = event.detail;
    if (target === panel && !panel.open) {
      opener = elt;
    }
    target.setAttribute("aria-busy", "true");
    const button = elt.querySelector && elt.querySelector("[data-busy]");
    if (button) {
      button.dataset.label = button.textContent;
      button.textContent = button.dataset.busy;
      button.disabled = true;
    }
  });
  on("htmx:afterRequest", (event) => {
    const { elt, target } = event.detail;
    target.removeAttribute("aria-busy");
    const button = elt.querySelector && elt.querySelector("[data-label]");
    if (button) {
      button.textContent = button.dataset.label;
      button.disabled = false;
    }
  });
  on("htmx:afterSettle", (event) => event.detail.target === panel && openPanel());
  on("htmx:sendError", () => toast({ text: words.offline, error: true }));
  on("htmx:responseError", (event) => {
    const id = event.detail.xhr.getResponseHeader("X-Request-Id") || event.detail.xhr.status;
    toast({ text: `${words.failed} ${id}.`, error: true });
  });
  on("studio:toast", (event) => toast(event.detail));
  on("studio:close", () => panel.open && closePanel(true));

  toasts.querySelectorAll(".toast").forEach(fade);
})();
