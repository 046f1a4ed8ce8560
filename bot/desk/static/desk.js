// The care desk's live behaviour. Every page works without it; this keeps it fresh, quick and heard.
"use strict";
(() => {
  const body = document.body;
  const base = body.dataset.base;
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const now = () => Date.now() / 1000;
  const saidHere = JSON.parse(body.dataset.words || "{}");
  const say = (english, values = {}) =>
    Object.entries(values).reduce((text, [name, value]) => text.replace(`{${name}}`, value), saidHere[english] || english);
  const remembered = {
    get: (key) => { try { return localStorage.getItem(`bedside-desk-${key}`); } catch { return null; } },
    set: (key, value) => { try { localStorage.setItem(`bedside-desk-${key}`, value); } catch { /* private window */ } },
  };
  const kept = {
    get: (key) => { try { return sessionStorage.getItem(`bedside-desk-${key}`); } catch { return null; } },
    set: (key, value) => { try { sessionStorage.setItem(`bedside-desk-${key}`, value); } catch { /* full or private */ } },
    drop: (key) => { try { sessionStorage.removeItem(`bedside-desk-${key}`); } catch { /* nothing there */ } },
    dropAll: () => { try { sessionStorage.clear(); } catch { /* nothing there */ } },
  };

  // Where we are: after a form was refused the address is that of the form; reloading must show the page.
  if (body.dataset.liveUrl && location.pathname + location.search !== body.dataset.liveUrl) {
    history.replaceState(null, "", body.dataset.liveUrl);
  }

  // Times

  const duration = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 60) return `${whole} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} min`;
    if (whole < 86400) return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
    return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
  };
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const dayAndClock = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

  // A case that waits is heard when half of its target has passed, and when all of it has.
  const stages = new Map();
  function stageOf(timer, late, half) {
    const row = timer.closest("tr[data-href]");
    if (!row || timer.dataset.targetS >= 1e12) return;
    const stage = late ? 2 : half ? 1 : 0;
    const known = stages.get(row.dataset.href);
    stages.set(row.dataset.href, stage);
    if (known !== undefined && stage > known) ring(stage === 2 ? "urgent" : "none");
  }

  function tick() {
    for (const timer of $$("[data-since]")) {
      const waited = now() - Number(timer.dataset.since);
      const target = Number(timer.dataset.targetS);
      const late = waited > target;
      const half = !late && waited > target / 2;
      timer.classList.toggle("is-late", late);
      timer.classList.toggle("is-half", half);
      const words = duration(waited);
      const wanted = late ? "late" : half ? "half time" : "";
      if (timer.firstChild.nodeValue.trim() !== words) timer.firstChild.nodeValue = words + (wanted ? " " : "");
      let mark = $("span", timer);
      if (!wanted) mark?.remove();
      else {
        if (!mark) { mark = document.createElement("span"); timer.append(mark); }
        mark.className = late ? "late" : "half";
        if (mark.textContent !== say(wanted)) mark.textContent = say(wanted);
      }
      stageOf(timer, late, half);
    }
    for (const place of $$("[data-leaves-at]")) {
      const left = Math.max(0, Math.ceil(Number(place.dataset.leavesAt) - now()));
      const words = say("Leaves in {seconds} s", { seconds: left });
      if (place.textContent !== words) place.textContent = words;
      if (left === 0) refreshSoon();
    }
  }

  function localTimes() {
    const today = new Date().toDateString();
    for (const element of $$("[data-moment]")) {
      const at = new Date(Number(element.dataset.moment) * 1000);
      element.textContent = (at.toDateString() === today ? clock : dayAndClock).format(at);
      element.title = full.format(at);
    }
  }

  // Fresh pages: fetch the page that is shown and exchange the parts that changed.

  const received = new Map();
  const talk = () => $("[data-talk]");
  const atEnd = (element) => !element || element.scrollHeight - element.scrollTop - element.clientHeight < 60;
  const toEnd = () => { const element = talk(); if (element) element.scrollTop = element.scrollHeight; };
  const mark = (part) => part.dataset.version ?? part.innerHTML;
  for (const part of $$("[data-live]")) received.set(part.id, mark(part));

  function exchange(fresh) {
    const followed = atEnd(talk());
    let changed = false;
    for (const part of $$("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (!next || received.get(part.id) === mark(next)) continue;
      received.set(part.id, mark(next));
      const focus = part.contains(document.activeElement) ? pathOf(document.activeElement, part) : null;
      part.replaceChildren(...next.cloneNode(true).childNodes);
      part.className = next.className;
      if (next.dataset.version !== undefined) part.dataset.version = next.dataset.version;
      if (focus !== null) refocus(part, focus);
      changed = true;
    }
    document.title = fresh.title;
    if (!changed) return;
    localTimes();
    tick();
    wireDrafts();
    countInTitle();
    if (followed) toEnd();
  }

  // Focus survives an exchange: the same link, button or field has the same address, name or id.
  const signature = (element) => element.id || element.getAttribute("href") || (element.form && element.form.getAttribute("action")) || "";
  const pathOf = (element) => signature(element);
  function refocus(part, wanted) {
    const found = $$("a, button, input, textarea, select", part).find((element) => signature(element) === wanted);
    (found || $("#main")).focus({ preventScroll: true });
  }

  let refreshing = false;
  let again = false;
  async function refresh() {
    if (!received.size) return; // nothing on this page changes by itself
    if (refreshing) { again = true; return; }
    refreshing = true;
    $("#queue")?.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(body.dataset.liveUrl, { headers: { "X-Desk-Background": "1" }, cache: "no-store", redirect: "manual" });
      if (response.status === 401) return signedOut("");
      if (response.status === 404) return gone();
      if (!response.ok) throw new Error(String(response.status));
      exchange(new DOMParser().parseFromString(await response.text(), "text/html"));
      fresh = now();
      offline(false);
    } catch {
      connection("away", say("Not live: trying again"));
      offline(true);
    } finally {
      refreshing = false;
      $("#queue")?.removeAttribute("aria-busy");
      if (again) { again = false; setTimeout(refresh, 250); }
    }
    return undefined;
  }
  let fresh = now();
  function offline(away) {
    const box = $("[data-offline]");
    if (away && box.hidden) box.textContent = say("No connection. You see what was known at {time}. What you type is kept in this tab.", { time: clock.format(new Date(fresh * 1000)) });
    box.hidden = !away;
  }
  let soon = null;
  const refreshSoon = () => { if (soon === null) soon = setTimeout(() => { soon = null; refresh(); }, 150); };

  function gone() {
    stream?.close();
    const note = document.createElement("p");
    note.className = "banner banner-problem";
    note.setAttribute("role", "alert");
    note.textContent = say("This case was erased meanwhile. What you typed is still on this page, but it cannot be sent.");
    $("#main").prepend(note);
  }

  function signedOut(why) {
    stream?.close();
    location.assign(`${base}/sign-in?${why}next=${encodeURIComponent(body.dataset.liveUrl)}`);
  }

  // Live events

  let stream = null;
  const connectionBox = $("[data-connection]");
  function connection(state, words) {
    connectionBox.className = `connection is-${state}`;
    const place = $("[data-connection-words]");
    if (place.textContent !== words) place.textContent = words;
  }

  function listen() {
    stream = new EventSource(`${base}/events${body.dataset.case ? `?case=${encodeURIComponent(body.dataset.case)}` : ""}`);
    stream.addEventListener("hello", () => { connection("live", say("Live")); refresh(); });
    stream.addEventListener("case", (event) => { const news = JSON.parse(event.data); tell(news); refreshSoon(); });
    stream.addEventListener("conversation", refreshSoon);
    stream.addEventListener("signed-out", () => signedOut("why=idle&"));
    stream.addEventListener("error", () => {
      connection("away", say("Not live: trying again"));
      if (stream.readyState === EventSource.CLOSED) { refresh(); setTimeout(listen, 5000); }
    });
  }

  function countInTitle() {
    const waiting = Number($("[data-waiting]")?.dataset.waiting || 0);
    const plain = document.title.replace(/^\(\d+\) /, "");
    document.title = waiting ? `(${waiting}) ${plain}` : plain;
  }

  // Being heard: screen readers, sound, notifications. None of them says what a patient wrote.

  const me = body.dataset.staff;
  const leads = ["lead", "admin", "clinical_safety"].includes(body.dataset.role);
  const listed = (name) => (body.dataset[name] || "").split(" ").filter(Boolean);

  // What an event means for this person: the words, and how pressing they are; null when it is not for them.
  function meaning(news) {
    switch (news.act) {
      case "opened": return ["New case.", "is waiting."];
      case "raised": return ["A case was raised.", "needs you."];
      case "reopened": case "returned": return ["A case is waiting again.", "is waiting."];
      case "late": return leads || news.detail === "2" ? ["A case is late.", "needs you."] : null;
      case "silent": return ["A patient does not answer.", "needs you."];
      case "holder_warned": return news.detail === me ? ["The patient waits for your word.", "needs you."] : null;
      case "transferred": return news.holder === me ? ["A case was passed on to you.", "needs you."] : null;
      default: return null;
    }
  }

  // Somebody else who speaks the language is asked first, unless it is pressing.
  const forOthersFirst = (news) => news.level !== "emergency" && ["opened", "reopened"].includes(news.act)
    && listed("teamLanguages").includes(news.language) && !listed("languages").includes(news.language);

  function tell(news) {
    const found = meaning(news);
    if (!found) return;
    const pressing = news.level !== "none" || ["late", "silent", "holder_warned", "transferred"].includes(news.act);
    const words = `${say(found[0])} ${news.words}`;
    const place = $(pressing ? "[data-announce-now]" : "[data-announce]");
    place.textContent = "";
    setTimeout(() => { place.textContent = words; }, 50);
    if (forOthersFirst(news)) return;
    ring(["late", "silent"].includes(news.act) ? "emergency" : news.act === "holder_warned" ? "urgent" : news.level);
    notify(news, found[1]);
  }

  let audio = null;
  function ring(level) {
    if (remembered.get("sound") !== "on" || !audio) return;
    const times = { emergency: 3, urgent: 2 }[level] || 1;
    for (let index = 0; index < times; index += 1) {
      const start = audio.currentTime + index * 0.28;
      const tone = audio.createOscillator();
      const loudness = audio.createGain();
      tone.frequency.value = level === "emergency" ? 880 : level === "urgent" ? 660 : 520;
      loudness.gain.setValueAtTime(0.0001, start);
      loudness.gain.exponentialRampToValueAtTime(0.25, start + 0.02);
      loudness.gain.exponentialRampToValueAtTime(0.0001, start + 0.22);
      tone.connect(loudness).connect(audio.destination);
      tone.start(start);
      tone.stop(start + 0.24);
    }
  }
  const openAudio = () => { if (!audio && window.AudioContext && remembered.get("sound") === "on") audio = new AudioContext(); };
  addEventListener("pointerdown", openAudio);
  addEventListener("keydown", openAudio);

  function notify(news, what) {
    if (remembered.get("notify") !== "on" || !window.Notification || Notification.permission !== "granted") return;
    if (document.visibilityState === "visible") return;
    const level = say({ emergency: "An emergency case", urgent: "An urgent case" }[news.level] || "A case");
    const shown = new Notification("Bedside", { body: `${level} ${say(what)}`, tag: news.case_id });
    shown.addEventListener("click", () => { window.focus(); location.assign(`${base}/cases/${news.case_id}`); });
  }

  function toggles() {
    for (const button of $$("[data-toggle]")) {
      const name = button.dataset.toggle;
      if (name === "notify" && !window.Notification) continue;
      if (name === "sound" && !window.AudioContext) continue;
      button.hidden = false;
      const show = () => {
        const on = remembered.get(name) === "on" && (name !== "notify" || Notification.permission === "granted");
        button.setAttribute("aria-pressed", String(on));
      };
      show();
      button.addEventListener("click", async () => {
        const on = button.getAttribute("aria-pressed") !== "true";
        if (on && name === "notify" && (await Notification.requestPermission()) !== "granted") return;
        remembered.set(name, on ? "on" : "off");
        show();
        if (on && name === "sound") { openAudio(); ring("none"); }
      });
    }
  }

  // Drafts: what is being typed survives a reload, a lost case and a sign-out by idleness.

  const draftKey = (form) => `draft-${body.dataset.staff}-${body.dataset.case}-${form.dataset.draft}`;
  function wireDrafts() {
    for (const form of $$("form[data-draft]")) {
      if (form.dataset.wired) continue;
      form.dataset.wired = "1";
      const field = $("textarea", form);
      const draft = kept.get(draftKey(form)) || "";
      if (!field.value) field.value = draft;
      else if (field.dataset.suggested !== undefined && draft && draft !== field.value) field.value = `${draft}\n\n${field.value}`;
      field.addEventListener("input", () => kept.set(draftKey(form), field.value));
      field.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
      });
      form.addEventListener("submit", (event) => {
        if (form.dataset.sent) { event.preventDefault(); return; }
        form.dataset.sent = "1";
      });
    }
  }
  // A draft is dropped only when the desk says that its text arrived.
  for (const banner of $$("[data-done]")) {
    if (/^Your reply is (on its way|kept)/.test(banner.dataset.done)) kept.drop(`draft-${body.dataset.staff}-${body.dataset.case}-reply`);
    if (/note is saved/.test(banner.dataset.done)) kept.drop(`draft-${body.dataset.staff}-${body.dataset.case}-note`);
  }
  // A ready-made reply goes where the cursor is; nothing that stands there is lost.
  addEventListener("change", (event) => {
    if (!event.target.matches("[data-canned]") || !event.target.value) return;
    const field = $("#reply");
    field.setRangeText(event.target.value, field.selectionStart, field.selectionEnd, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
    event.target.value = "";
    field.focus();
  });
  addEventListener("pageshow", () => { for (const form of $$("form[data-sent]")) delete form.dataset.sent; });
  $("[data-sign-out]")?.addEventListener("submit", kept.dropAll);

  // Idleness: only people keep a session open; the page warns a minute before it ends.

  const idleS = Number(body.dataset.idleS);
  const warnS = Math.min(60, idleS / 2);
  let acted = now();
  let reported = now();
  async function act() {
    acted = now();
    $("[data-idle]").hidden = true;
    if (acted - reported < Math.min(60, idleS / 4)) return;
    reported = acted;
    try {
      const response = await fetch(`${base}/present`, { method: "POST", body: new URLSearchParams({ csrf: body.dataset.csrf }) });
      if (response.status === 401) signedOut("why=idle&");
    } catch { /* the connection mark says so */ }
  }
  for (const kind of ["pointerdown", "keydown", "wheel", "input"]) addEventListener(kind, act, { passive: true });
  $("[data-stay]").addEventListener("click", () => { reported = 0; act(); });
  function watchIdleness() {
    const left = idleS - (now() - acted);
    const box = $("[data-idle]");
    if (left <= 0) { signedOut("why=idle&"); return; }
    $("[data-idle-left]").textContent = `${Math.ceil(left)} s`;
    if (left <= warnS && box.hidden) box.hidden = false;
  }

  // Keys

  const helpBox = $("[data-help]");
  const keysOn = $("[data-keys-on]");
  keysOn.checked = remembered.get("keys") !== "off";
  keysOn.addEventListener("change", () => remembered.set("keys", keysOn.checked ? "on" : "off"));
  for (const button of $$("[data-open-help]")) {
    button.hidden = false;
    button.addEventListener("click", () => helpBox.showModal());
  }

  function step(by) {
    const links = $$(".case-link");
    if (!links.length) return;
    const here = links.indexOf(document.activeElement);
    links[Math.min(links.length - 1, Math.max(0, here + by))].focus();
  }

  addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, textarea, select");
    if (event.key === "Escape" && typing && event.target.type !== "checkbox") { event.target.blur(); return; }
    if (typing || !keysOn.checked || event.ctrlKey || event.metaKey || event.altKey || helpBox.open) return;
    const field = $(`[data-key-focus="${CSS.escape(event.key)}"]`);
    const closed = field?.closest("details");
    if (closed) closed.open = true;
    const form = $(`[data-key-submit="${CSS.escape(event.key)}"]`);
    if (field) field.focus();
    else if (form) form.requestSubmit();
    else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "q") location.assign(`${base}/`);
    else if (event.key === "?") helpBox.showModal();
    else return;
    event.preventDefault();
  });

  addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-href]");
    if (!row || event.target.closest("a, button, form") || String(getSelection())) return;
    location.assign(row.dataset.href);
  });

  // Begin

  localTimes();
  tick();
  toggles();
  wireDrafts();
  countInTitle();
  toEnd();
  listen();
  setInterval(tick, 1000);
  setInterval(watchIdleness, 1000);
  setInterval(() => { if (document.visibilityState === "visible") refresh(); }, 15000);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") {
      // A browser opens few connections to one address; only queues listen in the background.
      if (body.dataset.case) stream?.close();
    } else if (stream?.readyState === EventSource.CLOSED) listen();
  });
})();
