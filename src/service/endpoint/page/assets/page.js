// What makes the pages live. Everything is there without it; this file adds and never decides.
"use strict";
(() => {
  const root = document.documentElement;
  const stored = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const store = (key, value) => { try { localStorage.setItem(key, value); } catch { /* private window */ } };
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // Colours: before anything is drawn.
  const scheme = stored("scheme");
  if (scheme === "light" || scheme === "dark") root.dataset.scheme = scheme;

  const colours = () => {
    const group = document.querySelector(".scheme");
    const show = () => all("button", group).forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.scheme === (root.dataset.scheme || "auto"))));
    group.addEventListener("click", ({ target }) => {
      const chosen = target.dataset.scheme;
      if (!chosen) return;
      if (chosen === "auto") delete root.dataset.scheme; else root.dataset.scheme = chosen;
      store("scheme", chosen);
      show();
    });
    group.hidden = false;
    show();
  };

  // Buttons that copy: `data-copy` is the text, or `data-copy-of` the ID of what holds it.
  const reveal = (within = document) => {
    if (navigator.clipboard) all(".copy", within).forEach((button) => { button.hidden = false; });
  };
  const copying = () => {
    reveal();
    document.addEventListener("click", async ({ target }) => {
      const button = target.closest?.(".copy");
      if (!button) return;
      const source = button.dataset.copyOf && document.getElementById(button.dataset.copyOf);
      const label = button.textContent;
      try {
        await navigator.clipboard.writeText(source ? source.textContent : button.dataset.copy);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Not allowed";
      }
      setTimeout(() => { button.textContent = label; }, 1500);
    });
  };

  // Times: the server writes UTC; shown is the reader's clock, and how long ago on pointing at it.
  const ago = (then) => {
    const seconds = Math.round((Date.now() - then) / 1000);
    if (seconds < 5) return "just now";
    if (seconds < 90) return `${seconds} s ago`;
    if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
    if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
    return `${Math.round(seconds / 86400)} days ago`;
  };
  const times = (within = document) => all("time[datetime]", within).forEach((time) => {
    const then = new Date(time.dateTime);
    if (Number.isNaN(then.getTime())) return;
    time.title = then.toLocaleString();
    time.textContent = time.dataset.exact === undefined ? ago(then.getTime()) : time.textContent;
  });

  // A connection on which the service tells what is new: only while somebody looks, because a browser
  // has six connections to a service and no more. Told again after each interruption, from where it was.
  const listen = (address, onUpdate, onState) => {
    const mark = document.querySelector('meta[name="page-mark"]').content;
    const banner = document.getElementById("gone");
    let source = null, last = null, paused = false, timer = 0;
    const say = (text) => { banner.textContent = text; banner.hidden = !text; };
    const close = () => { clearTimeout(timer); source?.close(); source = null; };
    const open = () => {
      if (source || paused || document.hidden) return;
      const url = new URL(address, location.href);
      if (last) url.searchParams.set("after", last);
      source = new EventSource(url);
      source.addEventListener("hello", ({ data }) => {
        if (data !== mark) location.reload();
        say("");
        onState("on");
      });
      source.addEventListener("update", (event) => {
        last = event.lastEventId || last;
        onUpdate(JSON.parse(event.data));
      });
      source.addEventListener("error", () => {
        onState("off");
        say("The service has ended, or cannot be reached. This page goes on by itself when it is back.");
        if (source?.readyState === EventSource.CLOSED) { close(); timer = setTimeout(open, 3000); }
      });
    };
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    addEventListener("pagehide", close);
    addEventListener("pageshow", open);
    open();
    return (pause) => { paused = pause; if (pause) { close(); onState("paused"); } else open(); };
  };

  const registrations = () => {
    const table = document.getElementById("registrations");
    if (!table) return;
    const body = table.tBodies[0];
    const kept = Number(table.dataset.kept);
    const rowOf = (sequence) => body.querySelector(`tr[data-sequence="${sequence}"]`);
    const parse = (html) => {
      const template = document.createElement("template");
      template.innerHTML = html;
      return template.content.firstElementChild;
    };
    const put = ({ sequence, html }, isCalm) => {
      const row = parse(html), old = rowOf(sequence);
      times(row);
      if (old) {
        if (old.hasAttribute("aria-current")) row.setAttribute("aria-current", "true");
        const hadFocus = old.contains(document.activeElement);
        old.replaceWith(row);
        if (hadFocus) row.querySelector("a").focus();
        return 0;
      }
      // Nearly always the first place.
      let next = body.firstElementChild;
      while (next && Number(next.dataset.sequence) > sequence) next = next.nextElementSibling;
      if (isCalm) row.classList.add("new");
      body.insertBefore(row, next);
      return 1;
    };
    const news = document.getElementById("news");
    const update = ({ reset, counts, rows, gone }) => {
      if (reset) body.replaceChildren();
      gone.forEach((sequence) => rowOf(sequence)?.remove());
      // In a crowd nobody sees a single row arrive, and a hundred that fade keep a processor busy.
      const isCalm = rows.length <= 5;
      const arrived = rows.reverse().reduce((sum, row) => sum + put(row, isCalm), 0);
      while (body.rows.length > kept) body.lastElementChild.remove();
      [counts.all, ...counts.each].forEach((count, at) => {
        document.querySelector(`[data-count="${at}"]`).textContent = count;
      });
      table.hidden = body.rows.length === 0;
      document.getElementById("empty").hidden = !table.hidden;
      if (arrived) news.textContent = arrived === 1 ? "One new registration" : `${arrived} new registrations`;
    };

    if (table.dataset.events) {
      const live = document.getElementById("live"), pause = document.getElementById("pause");
      const words = { on: "Live", off: "Not connected", paused: "Paused" };
      const state = (now) => {
        live.className = `live ${now}`;
        document.getElementById("live-text").textContent = words[now];
      };
      const setPaused = listen(table.dataset.events, update, state);
      const toggle = () => {
        const paused = pause.getAttribute("aria-pressed") !== "true";
        pause.setAttribute("aria-pressed", String(paused));
        pause.textContent = paused ? "Go on" : "Pause";
        setPaused(paused);
      };
      pause.addEventListener("click", toggle);
      keys.p = toggle;
      live.hidden = pause.hidden = false;
    }

    const move = (step) => {
      const rows = [...body.rows];
      const at = rows.findIndex((row) => row.hasAttribute("aria-current"));
      const row = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
      if (!row) return;
      rows[at]?.removeAttribute("aria-current");
      row.setAttribute("aria-current", "true");
      row.querySelector("a").focus({ preventScroll: true });
      row.scrollIntoView({ block: "nearest" });
    };
    keys.j = keys.ArrowDown = () => move(1);
    keys.k = keys.ArrowUp = () => move(-1);
    // A click anywhere in a row opens it, unless somebody marks text.
    body.addEventListener("click", (event) => {
      if (event.target.closest("a, button") || String(getSelection())) return;
      event.target.closest("tr")?.querySelector("a").click();
    });
  };

  // A part of a page that is told anew as a whole: `data-live` is where.
  const parts = () => all("[data-live]").forEach((part) =>
    listen(part.dataset.live, ({ html }) => {
      part.innerHTML = html;
      times(part);
      reveal(part);
    }, () => {}));

  const keys = {
    "/": () => document.getElementById("search")?.focus(),
    Escape: () => document.querySelector("[data-back]")?.click(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // Fields that say nothing stay out of the address.
  const shortAddresses = () => all("form[method=get]").forEach((form) =>
    form.addEventListener("submit", () => [...form.elements].forEach((field) => {
      if (field.name && !field.value) field.disabled = true;
    })));

  document.addEventListener("DOMContentLoaded", () => {
    colours();
    shortAddresses();
    copying();
    times();
    setInterval(() => times(), 10000);
    registrations();
    parts();
  });
})();
