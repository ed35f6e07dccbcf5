// The gallery's behaviour. Everything it shows is already in the document: without this script the
// pictures, their lineage and their links remain.
(() => {
  "use strict";

  const pictures = JSON.parse(document.getElementById("set-data").textContent);
  const byShot = document.getElementById("by-shot");
  const byChannel = document.getElementById("by-channel");
  const channelFilter = document.getElementById("channel-filter");
  const shortcuts = document.getElementById("shortcuts");
  const viewer = document.getElementById("viewer");
  const help = document.getElementById("help");
  const figures = pictures.map((_, number) => document.getElementById(`p${number}`));
  const homes = figures.map((figure) => figure.closest(".group"));
  const view = { group: "shot", channel: "", locale: "", look: false, change: false, safe: false, boxes: false, all: false };
  const everything = { channel: "", locale: "", look: false, change: false };
  let shown = 0;

  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const root = () => (view.group === "shot" ? byShot : byChannel);
  const numberOf = (figure) => Number(figure.id.slice(1));
  const visible = () => all("figure.card:not([hidden])", root());

  // How many pictures each group shows unfolded: an equal share, at least a row, as long as there
  // are any to deal out. The page arrives dealt out in the same way (picture_order.py).
  function dealOut(sizes) {
    const { unfolded, least } = document.getElementById("pictures").dataset;
    if (!unfolded) return sizes;
    const groups = sizes.filter((size) => size > 0).length;
    const share = Math.max(Number(least), Math.floor(Number(unfolded) / Math.max(1, groups)));
    let left = Number(unfolded);
    return sizes.map((size) => {
      const dealt = Math.min(size, share, left);
      left -= dealt;
      return dealt;
    });
  }

  // Pictures go before a grid's gaps; those that are there in this order already are left alone.
  function fill(grid, wanted) {
    const there = [...grid.children].filter((child) => child.matches("figure.card"));
    const isSame = there.length === wanted.length && there.every((each, at) => each === wanted[at]);
    if (!isSame) grid.prepend(...wanted);
  }

  function place() {
    const inChannels = view.group === "channel";
    document.body.dataset.group = view.group;
    byShot.hidden = inChannels;
    byChannel.hidden = !inChannels;
    const groups = all(".group", root());
    const ofChannel = new Map(groups.map((group) => [group.dataset.channel, group]));
    const members = new Map(groups.map((group) => [group, []]));
    // By number, which is the page's order.
    figures.forEach((figure, number) => {
      const group = inChannels ? ofChannel.get(figure.dataset.channels) : homes[number];
      members.get(group).push(figure);
    });
    const matching = groups.map((group) => members.get(group).filter((each) => !each.hidden));
    const dealt = dealOut(matching.map((each) => each.length));
    groups.forEach((group, at) => {
      const [grid, rest] = all(".grid", group);
      const first = rest ? matching[at].slice(0, dealt[at]) : members.get(group);
      if (rest) fill(rest, members.get(group).filter((figure) => !first.includes(figure)));
      fill(grid, first);
      if (rest) summarise(rest, first.length);
      group.classList.toggle("brief", Boolean(rest) && first.length === 0);
    });
  }

  function summarise(rest, before) {
    const fold = rest.parentElement;
    const folded = all(".card:not([hidden])", rest).length;
    fold.hidden = folded === 0;
    fold.querySelector(".amount").textContent = `${folded} ${before ? "more" : "pictures"}`;
  }

  function matches(card) {
    const { channels, locale } = card.dataset;
    const inChannel = !view.channel || channels.split(" ").includes(view.channel);
    const inLocale = !view.locale || locale === "all" || locale === view.locale;
    const marked = ["look", "change"].every((mark) => !view[mark] || mark in card.dataset);
    return inChannel && inLocale && marked;
  }

  function announce() {
    const channel = view.channel ? `, ${channelFilter.selectedOptions[0].text}` : "";
    const locale = view.locale ? `, language ${view.locale}` : "";
    const look = view.look ? ", needing a look" : "";
    const change = view.change ? ", new or changed" : "";
    const text = `${visible().length} of ${pictures.length} pictures${channel}${locale}${look}${change}, by ${view.group}`;
    document.getElementById("status").textContent = text;
  }

  function press() {
    for (const button of all("[data-set]")) {
      button.setAttribute("aria-pressed", String(view[button.dataset.set] === button.dataset.value));
    }
    for (const button of all("[data-toggle]")) {
      button.setAttribute("aria-pressed", String(view[button.dataset.toggle]));
    }
    if (channelFilter) channelFilter.value = view.channel;
    document.body.classList.toggle("show-safe", view.safe);
    document.body.classList.toggle("show-boxes", view.boxes);
  }

  function update(change) {
    Object.assign(view, change);
    for (const card of all(".card")) card.hidden = !matches(card);
    place();
    if ("all" in change) for (const fold of all(".more")) fold.open = view.all;
    for (const line of all(".copy-line")) {
      line.hidden = Boolean(view.locale) && line.dataset.locale !== view.locale;
    }
    for (const group of all(".group")) group.hidden = !group.querySelector(".card:not([hidden])");
    for (const link of all(".jump a")) {
      link.parentElement.hidden = document.getElementById(link.hash.slice(1)).hidden;
    }
    document.getElementById("empty").hidden = Boolean(root().querySelector(".card:not([hidden])"));
    press();
    announce();
  }

  function nextLocale() {
    const locales = all('[data-set="locale"]').map((button) => button.dataset.value);
    if (locales.length === 0) return;
    update({ locale: locales[(locales.indexOf(view.locale) + 1) % locales.length] });
  }

  // The large view.

  function show(number) {
    const picture = pictures[number];
    const figure = figures[number];
    const image = document.getElementById("viewer-image");
    const frame = document.getElementById("viewer-frame");
    const order = visible();
    shown = number;
    document.getElementById("viewer-title").textContent = picture.title;
    document.getElementById("viewer-count").textContent = `${order.indexOf(figure) + 1} of ${order.length}`;
    document.getElementById("viewer-file").href = picture.file;
    document.getElementById("viewer-label").textContent = picture.label;
    frame.className = `frame channel-${picture.channel}`;
    frame.style.setProperty("--ratio", picture.width / picture.height);
    frame.style.setProperty("--native", `${picture.width}px`);
    drawBoxes(picture.boxes);
    image.alt = picture.alt;
    image.src = figure.querySelector("img").src;
    sharpen(image, picture.file, number);
    const lineage = all(".lineage > :not(summary)", figure).map((part) => part.cloneNode(true));
    document.getElementById("viewer-lineage").replaceChildren(...lineage);
    viewer.querySelector(".panel").scrollTop = 0;
  }

  // Where checks saw heads, the subject and our type, in shares of the picture.
  function drawBoxes(boxes) {
    const drawn = boxes.map(([kind, left, top, right, bottom]) => {
      const box = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      const place = { class: kind, x: left, y: top, width: right - left, height: bottom - top };
      for (const [name, value] of Object.entries(place)) box.setAttribute(name, value);
      return box;
    });
    document.getElementById("viewer-boxes")?.replaceChildren(...drawn);
  }

  // The thumbnail is there at once; the full file takes its place when it can be read. A page that
  // was mailed without its folder keeps the thumbnail.
  function sharpen(image, file, number) {
    const full = new Image();
    full.addEventListener("load", () => {
      if (shown === number) image.src = full.src;
    });
    full.src = file;
  }

  function open(number) {
    show(number);
    viewer.showModal();
  }

  // The browser gives focus back to what it was on when the dialog opened. It belongs to the picture
  // last looked at, which after stepping is another; and at once, not at the "close" event, which
  // comes when the reader may have pressed the next key.
  function close(dialog) {
    dialog.close();
    if (dialog !== viewer) return;
    unfold(figures[shown]);
    figures[shown].querySelector("a.picture").focus();
  }

  function step(by) {
    const order = visible();
    const next = order.indexOf(figures[shown]) + by;
    show(numberOf(order[(next + order.length) % order.length]));
  }

  async function copyPrompt(button) {
    const prompt = button.parentElement.querySelector(".prompt");
    try {
      await navigator.clipboard.writeText(prompt.textContent);
      button.textContent = "Copied";
    } catch {
      // No clipboard here (an old browser, a denied permission): leave it selected to be copied.
      getSelection().selectAllChildren(prompt);
      button.textContent = "Selected: copy it with your keyboard";
    }
    document.getElementById("viewer-count").textContent = button.textContent;
  }

  // Folded parts.

  function unfold(element) {
    for (let at = element.closest("details"); at; at = at.parentElement.closest("details")) {
      at.open = true;
    }
  }

  // Paper has no folds; what was folded is folded again afterwards.
  let folded = [];

  function unfoldForPrint() {
    folded = all("details:not(.lineage, .jump, [open])");
    for (const each of folded) each.open = true;
  }

  function foldAgain() {
    for (const each of folded) each.open = false;
  }

  // Events.

  function moveFocus(by) {
    const order = visible();
    const at = order.indexOf(document.activeElement.closest("figure.card"));
    const next = order[at + by];
    if (at < 0 || !next) return;
    unfold(next);
    next.querySelector("a.picture").focus();
  }

  function onViewerKey(event) {
    if (event.key === "ArrowRight") step(1);
    else if (event.key === "ArrowLeft") step(-1);
    else return;
    event.preventDefault();
  }

  const letters = {
    l: nextLocale,
    g: () => update({ group: view.group === "shot" ? "channel" : "shot" }),
    s: () => update({ safe: !view.safe }),
    b: () => update({ boxes: !view.boxes }),
    "?": () => help.showModal(),
  };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.target.closest("input, select, textarea")) return;
    if (viewer.open && event.key.startsWith("Arrow")) return onViewerKey(event);
    if (event.target.closest("a.picture") && event.key === "ArrowRight") return moveFocus(1);
    if (event.target.closest("a.picture") && event.key === "ArrowLeft") return moveFocus(-1);
    const letter = letters[event.key.toLowerCase()];
    if (!letter || !shortcuts.checked || (viewer.open && !"sb".includes(event.key.toLowerCase()))) return;
    event.preventDefault();
    letter();
  }

  function onClick(event) {
    const button = event.target.closest("button, a.picture, a.rank");
    const within = event.target.closest('a[href^="#"]:not(.rank)');
    if (within) {
      unfold(document.getElementById(within.hash.slice(1)));
      // The list would cover what it leads to.
      if (within.closest(".jump")) within.closest(".jump").open = false;
    }
    if (!button) return;
    const { set, value, toggle, step: by } = button.dataset;
    if (set) update({ [set]: value });
    else if (toggle) update({ [toggle]: !view[toggle] });
    else if (by) step(Number(by));
    else if ("help" in button.dataset) help.showModal();
    else if ("close" in button.dataset) close(button.closest("dialog"));
    else if ("reset" in button.dataset) update(everything);
    else if (button.classList.contains("copy")) copyPrompt(button);
    else if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    else if ("open" in button.dataset) {
      event.preventDefault();
      // What a filter hides is still in the lane.
      if (figures[button.dataset.open].hidden) update(everything);
      open(Number(button.dataset.open));
    } else {
      event.preventDefault();
      open(numberOf(button.closest("figure")));
    }
  }

  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  addEventListener("beforeprint", unfoldForPrint);
  addEventListener("afterprint", foldAgain);
  channelFilter?.addEventListener("change", () => update({ channel: channelFilter.value }));
  for (const dialog of [viewer, help]) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) close(dialog);
    });
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      close(dialog);
    });
  }
  for (const link of all("a.picture, a.rank")) link.setAttribute("aria-haspopup", "dialog");
  document.documentElement.classList.add("scripted");
  document.querySelector(".toolbar").hidden = false;
  press();
})();
