// The review page's behaviour. Without it pictures open and every decision is a plain form.
(() => {
  "use strict";

  const { base, key } = document.body.dataset;
  const isShared = "shared" in document.body.dataset;
  const panel = document.getElementById("picture");
  const toast = document.getElementById("toast");
  const help = document.getElementById("help");
  const cards = [...document.querySelectorAll(".card")];
  // What was decided here, the latest last: what `u` takes back.
  const done = [];
  // Decisions are sent one after the other, so that each follows the one before.
  let sending = Promise.resolve();
  let here = -1;
  let asked = 0;
  let timer = 0;
  // The picture in hand is being fetched: what belongs to it waits until it is shown.
  let shown = Promise.resolve();

  document.documentElement.classList.add("scripted");

  const cardOf = (file) => cards.find((card) => card.dataset.file === file);
  const looked = () => panel.querySelector(".looked");

  function tell(words) {
    toast.textContent = words;
    toast.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(() => { toast.hidden = true; }, 8000);
  }

  async function fetchPicture(card) {
    try {
      const answer = await fetch(`${base}/picture?file=${encodeURIComponent(card.dataset.file)}`);
      if (!answer.ok) return null;
      return new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("article");
    } catch {
      return null;
    }
  }

  async function show(card, { focus = false } = {}) {
    const number = ++asked;
    const part = await fetchPicture(card);
    // A faster reader is at another picture by now.
    if (number !== asked) return;
    if (!part) return tell("The picture can't be shown; load the page again.");
    panel.replaceChildren(part);
    panel.scrollTop = 0;
    if (focus) panel.focus();
  }

  function go(to, { opens = false } = {}) {
    if (!cards.length) return;
    here = Math.max(0, Math.min(cards.length - 1, to));
    for (const card of cards) card.classList.remove("here");
    const card = cards[here];
    card.classList.add("here");
    card.scrollIntoView({ block: "nearest" });
    if (opens) document.body.classList.add("looking");
    const link = card.querySelector(".open");
    if (!opens) link.focus({ preventScroll: true });
    shown = show(card, { focus: opens });
    return shown;
  }

  function count(before, after) {
    for (const [state, step] of [[before, -1], [after, 1]]) {
      const box = document.querySelector(`[data-count="${state}"]`);
      if (box) box.textContent = String(Number(box.textContent) + step);
    }
  }

  function note(row) {
    const card = cardOf(row.file);
    if (card) {
      count(card.dataset.state, row.state);
      card.classList.remove(card.dataset.state, "sending");
      card.classList.add(row.state);
      Object.assign(card.dataset, { state: row.state, number: String(row.number) });
      const badge = card.querySelector(".badge");
      badge.className = `badge ${row.state}`;
      badge.textContent = row.state.replace("_", " ");
    }
    for (const each of panel.querySelectorAll("[data-file]")) {
      if (each.dataset.file === row.file) each.dataset.number = String(row.number);
    }
    const article = looked();
    if (article && article.dataset.file === row.file) {
      article.dataset.state = row.state;
      const badge = article.querySelector(".words .badge");
      badge.className = `badge ${row.state}`;
      badge.textContent = row.state.replace("_", " ");
      article.querySelector("#words").textContent = row.words;
      article.querySelector('[data-act="undo"]').disabled = false;
      for (const field of article.querySelectorAll('[name="number"]')) field.value = String(row.number);
    }
  }

  async function post(path, fields) {
    const body = new URLSearchParams({ form_key: key, ...fields });
    try {
      const answer = await fetch(`${base}/${path}`, { method: "POST", body, headers: { Accept: "application/json" } });
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.error || "it was not recorded");
      told.pictures.forEach(note);
      return told.pictures;
    } catch (error) {
      tell(error instanceof TypeError ? "The server can't be reached; nothing was recorded." : error.message);
      return [];
    }
  }

  // The picture is named now, its number when its turn comes: by then the one before is recorded.
  function send(path, card, fields) {
    card.classList.add("sending");
    sending = sending.then(async () => {
      const { file, sha, number } = card.dataset;
      const rows = await post(path, { file, sha256: sha, number, ...fields });
      card.classList.remove("sending");
      if (rows.length && path !== "undo") done.push(card);
    });
    return sending;
  }

  function approve() {
    const card = cards[here];
    if (!card) return;
    send("decide", card, { verdict: "approved" });
    go(here + 1);
  }

  function reject(fields) {
    const card = cards[here];
    if (!card) return;
    send("decide", card, { verdict: "rejected", ...fields });
    go(here + 1);
  }

  function undo() {
    sending = sending.then(async () => {
      const card = done.pop() || cards[here];
      if (!card || card.dataset.number === "0") return tell("There is nothing to undo.");
      const { file, sha, number } = card.dataset;
      await post("undo", { file, sha256: sha, number });
      await go(cards.indexOf(card));
    });
  }

  async function choose(number) {
    await shown;
    const rows = [...panel.querySelectorAll(".variants li")];
    const chosen = rows[number - 1];
    if (rows.length < 2 || !chosen) return;
    const ordered = [chosen, ...rows.filter((row) => row !== chosen)];
    sending = sending.then(async () => {
      const variants = ordered.map((row) => [row.dataset.file, row.dataset.sha, Number(row.dataset.number)]);
      const told = await post("choose", { variants: JSON.stringify(variants) });
      const file = cards[here] && cards[here].dataset.file;
      if (told.some((row) => row.file === file)) await show(cards[here]);
    });
  }

  function openReasons(isOpen = true) {
    const form = panel.querySelector("#reasons");
    if (!form) return;
    form.classList.toggle("open", isOpen);
    panel.querySelector('[data-act="reject"]').setAttribute("aria-expanded", String(isOpen));
    if (isOpen) form.scrollIntoView({ block: "nearest" });
    if (isOpen) (form.querySelector('[type="radio"]') || form.querySelector('[name="reason"]')).focus();
  }

  // Another picture: its price first, then it is asked for, then how far it is.
  function openAsking(isOpen = true) {
    const form = panel.querySelector("#asking");
    if (!form) return;
    form.hidden = !isOpen;
    panel.querySelector('[data-act="note"]').setAttribute("aria-expanded", String(isOpen));
    if (isOpen) form.elements.note.focus();
  }

  // An area of the original, in hundredths of its sides; typed, or dragged with mouse, pen or finger.
  const SIDES = ["left", "top", "right", "bottom"];

  function wish(form) {
    const { note, way } = form.elements;
    const fields = { note: note.value, way: way.value };
    if (way.value === "edit") for (const side of SIDES) fields[side] = form.elements[side].value;
    return fields;
  }

  function mark(form, area) {
    SIDES.forEach((side, at) => { form.elements[side].value = area ? (100 * area[at]).toFixed(1) : ""; });
    showMark(form);
  }

  function showMark(form) {
    const box = form.querySelector(".mark");
    const shares = SIDES.map((side) => form.elements[side].value);
    box.hidden = shares.some((share) => share === "");
    if (box.hidden) return;
    const [left, top, right, bottom] = shares.map(Number);
    Object.assign(box.style, { left: `${left}%`, top: `${top}%`, width: `${right - left}%`, height: `${bottom - top}%` });
  }

  // What was quoted is what is asked for: any change of it needs its price again.
  function unquote(form) {
    form.querySelector('[data-act="order"]').hidden = true;
    form.querySelector("#quote").textContent = "";
  }

  panel.addEventListener("pointerdown", (event) => {
    const canvas = event.target.closest(".canvas");
    if (!canvas || event.button !== 0) return;
    event.preventDefault();
    const form = canvas.closest("form");
    const bounds = canvas.getBoundingClientRect();
    const place = ({ clientX, clientY }) => [(clientX - bounds.left) / bounds.width, (clientY - bounds.top) / bounds.height]
      .map((share) => Math.min(1, Math.max(0, share)));
    const [fromX, fromY] = place(event);
    canvas.setPointerCapture(event.pointerId);
    const drag = (moved) => {
      const [x, y] = place(moved);
      mark(form, [Math.min(fromX, x), Math.min(fromY, y), Math.max(fromX, x), Math.max(fromY, y)]);
    };
    const drop = () => {
      canvas.removeEventListener("pointermove", drag);
      unquote(form);
    };
    canvas.addEventListener("pointermove", drag);
    canvas.addEventListener("pointerup", drop, { once: true });
    canvas.addEventListener("pointercancel", drop, { once: true });
  });

  panel.addEventListener("input", (event) => {
    const form = event.target.closest("#asking");
    if (!form) return;
    if (event.target.name === "way") form.querySelector(".marking").hidden = form.elements.way.value !== "edit";
    if (SIDES.includes(event.target.name)) showMark(form);
    unquote(form);
  });

  async function quote(form) {
    const { file } = looked().dataset;
    const order = form.querySelector('[data-act="order"]');
    const told = form.querySelector("#quote");
    order.hidden = true;
    told.textContent = "Asking for the price…";
    const query = new URLSearchParams({ file, ...wish(form) });
    const answer = await fetch(`${base}/quote?${query}`, { headers: { Accept: "application/json" } }).catch(() => null);
    const quoted = answer ? await answer.json() : { error: "the server can't be reached" };
    if (quoted.error) told.textContent = quoted.error;
    else if (quoted.over.length) told.textContent = quoted.over.join("; ");
    else {
      const edits = quoted.follows ? ` ${quoted.follows} ${quoted.follows === 1 ? "edit of it is" : "edits of it are"} due again after that, at the same price each.` : "";
      told.textContent = `${quoted.price_usd} USD${quoted.simulated ? ", simulated: nothing is paid" : ""}.${edits}`;
      order.hidden = false;
      order.dataset.price = quoted.price_usd;
      order.focus();
    }
  }

  function order(form) {
    const card = cardOf(looked().dataset.file);
    const fields = { ...wish(form), price_usd: form.querySelector('[data-act="order"]').dataset.price };
    sending = sending.then(async () => {
      const { file, sha, number } = card.dataset;
      const rows = await post("ask", { file, sha256: sha, number, ...fields });
      if (!rows.length) return;
      openAsking(false);
      card.classList.add("sending");
      waiting.set(card, sha);
      follow();
    });
    go(here + 1);
  }

  function keep() {
    const card = cardOf(looked().dataset.file);
    sending = sending.then(async () => {
      const { file, sha, number } = card.dataset;
      const rows = await post("keep", { file, sha256: sha, number });
      if (!rows.length) return;
      card.classList.add("sending");
      waiting.set(card, sha);
      tell("The version before is coming back. Nothing is bought.");
      follow();
    });
  }

  // Cards whose other picture is being made, with the bytes they show now.
  const waiting = new Map();
  let isFollowing = false;

  async function follow() {
    if (isFollowing) return;
    isFollowing = true;
    while (waiting.size) {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const answer = await fetch(`${base}/runs`, { headers: { Accept: "application/json" } }).catch(() => null);
      if (!answer || !answer.ok) continue;
      const { runs } = await answer.json();
      for (const run of runs.filter((each) => each.state === "failed")) tell(`${run.prompt}: ${run.words}`);
      const isOver = runs.every((each) => each.state === "done" || each.state === "failed");
      for (const [card, sha] of waiting) {
        const part = await fetchPicture(card);
        if (part && part.dataset.sha !== sha) renew(card, part);
        else if (isOver) {
          waiting.delete(card);
          card.classList.remove("sending");
        }
      }
    }
    isFollowing = false;
  }

  function renew(card, part) {
    waiting.delete(card);
    card.classList.remove("sending");
    Object.assign(card.dataset, { sha: part.dataset.sha, number: part.dataset.number });
    card.querySelector("img").src = `${base}/thumb?file=${encodeURIComponent(card.dataset.file)}&v=${part.dataset.sha.slice(0, 12)}`;
    note({ file: card.dataset.file, state: part.dataset.state, number: Number(part.dataset.number), words: "" });
    if (cards[here] === card) show(card);
    tell(`The other picture is here, ${part.dataset.state}; the one before stands beside it.`);
  }

  panel.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    if (form.id === "asking") {
      if (event.submitter && event.submitter.dataset.act === "order") order(form);
      else quote(form);
      return;
    }
    if (form.id === "reasons") {
      const other = form.querySelector("#other-fault").value;
      const fields = { fault: new FormData(form).get("fault") || other, reason: form.elements.reason.value };
      if (!fields.fault && !fields.reason.trim()) return tell("Say why: choose a reason, or write a few words.");
      reject(fields);
    } else if (event.submitter.dataset.act === "approve") approve();
    else undo();
  });

  panel.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.choose) choose(Number(button.dataset.choose));
    if (button.dataset.act === "keep") keep();
    if (button.dataset.act === "reject") openReasons(button.getAttribute("aria-expanded") !== "true");
    if (button.dataset.act === "note") openAsking(button.getAttribute("aria-expanded") !== "true");
    if (button.dataset.act === "close") close();
    if (button.dataset.act === "unmark") {
      mark(button.form, null);
      unquote(button.form);
    }
  });

  function close() {
    document.body.classList.remove("looking", "full");
    openReasons(false);
    openAsking(false);
    if (cards[here]) cards[here].querySelector(".open").focus();
  }

  for (const [number, card] of cards.entries()) {
    card.querySelector(".open").addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      go(number, { opens: true });
    });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help?.open) return;
    if (event.key === "Escape") return close();
    const form = event.target.closest && event.target.closest("#reasons");
    if (event.target.closest && event.target.closest("#asking")) return;
    if (form) {
      const radios = form.querySelectorAll('[type="radio"]');
      const isText = event.target.matches('input:not([type="radio"]), select');
      if (!isText && /^[1-9]$/.test(event.key) && radios[event.key - 1]) {
        event.preventDefault();
        reject({ fault: radios[event.key - 1].value, reason: form.elements.reason.value });
      } else if (event.key === "Enter" && event.target.matches('[type="radio"]')) {
        event.preventDefault();
        form.requestSubmit();
      }
      return;
    }
    if (event.target.matches("input, select, textarea")) return;
    const act = {
      j: () => go(here + 1), ArrowRight: () => go(here + 1),
      k: () => go(here - 1), ArrowLeft: () => go(here - 1),
      f: () => document.body.classList.toggle("full"),
      ...(isShared ? {} : { a: approve, r: () => shown.then(() => openReasons()), n: () => shown.then(() => openAsking()), u: undo, "?": () => help.showModal() }),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (act) {
      event.preventDefault();
      act();
    } else if (!isShared && /^[1-4]$/.test(event.key)) choose(Number(event.key));
  });

  for (const select of document.querySelectorAll(".filters select")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }
  const opener = document.getElementById("open-help");
  if (help) {
    opener.hidden = false;
    opener.addEventListener("click", () => help.showModal());
  }
  if (cards.length && matchMedia("(min-width: 60.01rem)").matches) go(0);
})();
