// What the pages do beyond forms and links: times in the viewer's zone, live updates, keys.
// Everything that matters works without it.
"use strict";
(() => {
  const body = document.body;
  const all = (what, within = document) => [...within.querySelectorAll(what)];
  const words = (name) => body.dataset[name] || "";
  let skew = body.dataset.now ? Date.parse(body.dataset.now) - Date.now() : 0;

  // --- times
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const moment = new Intl.DateTimeFormat(undefined, { day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit" });
  const relative = (seconds) => {
    const distance = Math.abs(seconds);
    if (distance < 5) return words("justNow");
    const [unit, size] = distance >= 86400 ? ["d", 86400] : distance >= 3600 ? ["h", 3600] : distance >= 60 ? ["min", 60] : ["s", 1];
    return words(seconds > 0 ? "ago" : "soon").replace("$span", `${Math.floor(distance / size)} ${unit}`);
  };
  const tell = (time) => {
    const at = new Date(time.dateTime);
    const seconds = (Date.now() + skew - at) / 1000;
    let text = time.textContent;
    if (time.className === "ago") text = relative(seconds);
    else if (time.className === "clock") text = clock.format(at);
    else if (time.className === "moment") text = moment.format(at);
    else if (time.className === "left") {
      const rest = Math.max(0, Math.ceil(-seconds));
      text = `${Math.floor(rest / 60)}:${String(rest % 60).padStart(2, "0")}`;
    }
    if (text !== time.textContent) time.textContent = text;
    const title = `${full.format(at)} · ${at.toISOString().slice(0, 19)}Z`;
    if (time.title !== title) time.title = title;
  };
  const times = () => all("time[datetime]").forEach(tell);

  // --- live updates: the server says which topic changed, the parts that show it ask anew
  const waiting = new Set();
  let changes = 0;
  const busy = (part) => {
    const chosen = document.getSelection();
    const typing = part.contains(document.activeElement) && document.activeElement.matches("input:not([type=checkbox]),textarea,select");
    const marked = chosen && !chosen.isCollapsed && part.contains(chosen.anchorNode);
    return typing || marked || part.querySelector("input[name=pick]:checked, details[data-hold][open]") !== null;
  };
  const parts = (topic) => all("[data-live]").filter((part) => part.dataset.live.split(" ").includes(topic));
  const refresh = (part) => htmx.trigger(part, "fresh");
  const bar = document.getElementById("newer");
  const announce = () => {
    if (!bar) return;
    bar.hidden = waiting.size === 0;
    bar.firstElementChild.textContent = words(changes === 1 ? "newerOne" : "newerMany").replace("$n", changes);
  };
  const show = () => {
    waiting.forEach((id) => { const part = document.getElementById(id); if (part) refresh(part); });
    waiting.clear(); changes = 0; announce();
  };
  const changed = (topic) => {
    const held = parts(topic).filter((part) => (busy(part) ? waiting.add(part.id) : (refresh(part), false)));
    if (held.length) { changes += 1; announce(); }
  };
  const state = document.getElementById("live");
  const say = (word) => { if (state && state.dataset.state !== word) { state.dataset.state = word; state.lastElementChild.textContent = words("live" + word); } };
  if (body.dataset.events && window.EventSource) {
    let source;
    let away = false;
    const listen = () => {
      source = new EventSource(body.dataset.events);
      source.addEventListener("hello", () => { say("On"); if (away) all("[data-live]").forEach((part) => busy(part) || refresh(part)); away = false; });
      source.addEventListener("changed", (event) => event.data.split(" ").forEach(changed));
      source.onerror = () => {
        away = true;
        say("Off");
        if (source.readyState === EventSource.CLOSED) setTimeout(() => { source.close(); listen(); }, 5000);
      };
    };
    listen();
    addEventListener("pagehide", () => source.close());
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  }
  if (bar) bar.addEventListener("click", show);

  // --- keys
  const items = () => all("[data-item]");
  const current = () => items().findIndex((item) => item.classList.contains("current"));
  const choose = (index) => {
    const list = items();
    if (!list.length) return;
    const item = list[Math.max(0, Math.min(list.length - 1, index))];
    list.forEach((each) => each.classList.toggle("current", each === item));
    item.tabIndex = -1;
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  };
  // What is picked comes first, then the item that is current; never the button of another item.
  const press = (name) => {
    const what = `[data-key="${name}"]`;
    const found = document.querySelector(`[data-picked]:not([hidden]) ${what}`)
      || items()[current()]?.querySelector(what)
      || all(what).find((each) => !each.closest("[data-item],[data-picked]"));
    if (found) found.click();
    return Boolean(found);
  };
  const help = document.getElementById("help");
  let going = 0;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.isContentEditable) return;
    if (event.target.matches("input:not([type=checkbox]),textarea,select") || (help && help.open)) return;
    const key = event.key;
    let done = true;
    if (Date.now() - going < 1500 && /^[a-z]$/.test(key)) {
      const link = document.querySelector(`a[data-go="${key}"]`);
      going = 0;
      if (link) link.click();
    } else if (key === "g") going = Date.now();
    else if (key === "j") choose(current() + 1);
    else if (key === "k") choose(current() < 0 ? 0 : current() - 1);
    else if (key === "x") { const pick = items()[current()]?.querySelector("input[name=pick]"); if (pick) pick.click(); }
    else if (key === "?") help?.showModal();
    else if (key === "/") document.querySelector("input[type=search]")?.focus();
    else if (key === "Enter") done = event.target === items()[current()] && press("Enter");
    else done = /^[a-z]$/.test(key) && press(key);
    if (done) event.preventDefault();
  });

  // --- small things: pick all, copy, dialogs, forms that are sent once
  let last = null;
  document.addEventListener("click", (event) => {
    const target = event.target.closest("[data-copy],[data-open],[data-close],input[name=pick],input[data-pick-all],[data-dismiss]");
    if (!target) return;
    if (target.dataset.copy) navigator.clipboard?.writeText(target.dataset.copy).then(() => { target.textContent = words("copied"); });
    else if (target.dataset.open) document.getElementById(target.dataset.open)?.showModal();
    else if (target.dataset.close !== undefined) target.closest("dialog")?.close();
    else if (target.dataset.dismiss !== undefined) target.closest(".toast")?.remove();
    else if (target.dataset.pickAll !== undefined) all("input[name=pick]").forEach((pick) => { pick.checked = target.checked; });
    else if (target.name === "pick") {
      const picks = all("input[name=pick]");
      if (event.shiftKey && last) {
        const [from, to] = [picks.indexOf(last), picks.indexOf(target)].sort((a, b) => a - b);
        picks.slice(Math.max(0, from), to + 1).forEach((pick) => { pick.checked = target.checked; });
      }
      last = target;
    }
    picked();
  });
  const picked = () => {
    const n = all("input[name=pick]:checked").length;
    all("[data-picked]").forEach((bar) => {
      bar.hidden = n === 0;
      const count = bar.querySelector("[data-count]");
      if (count) count.textContent = n;
    });
    if (n === 0 && waiting.size) show();
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method.toLowerCase() !== "post") return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, 4000);
  });
  document.addEventListener("change", (event) => {
    if (event.target.form?.dataset.auto !== undefined) event.target.form.requestSubmit();
  });
  let kept = "";
  document.addEventListener("htmx:beforeSwap", () => { kept = items()[current()]?.id || kept; });
  document.addEventListener("htmx:afterSettle", () => {
    const again = kept && document.getElementById(kept);
    if (again && current() < 0) again.classList.add("current");
    times(); picked();
  });
  all("[data-toast]").forEach((toast) => {
    setTimeout(() => toast.remove(), Number(toast.dataset.toast) * 1000);
    const address = new URL(location);
    if (address.searchParams.has("said")) { address.searchParams.delete("said"); history.replaceState(null, "", address); }
  });
  times(); picked();
  setInterval(times, 1000);
  body.dataset.scripts = "on";
})();
