/* Brings a message's entry beside the drawing, replays the run, and moves the ring.
   The page says everything without it; nothing is fetched, and text is only ever set as text. */
"use strict";

const one = (selector, within = document) => within.querySelector(selector);
const all = (selector, within = document) => [...within.querySelectorAll(selector)];

function make(name, text, kind) {
  const element = document.createElement(name);
  element.textContent = text;
  if (kind) element.className = kind;
  return element;
}

/* An entry of the list, made visible where it stands. */
function unfold(entry) {
  for (let at = entry; at; at = at.parentElement) {
    if (at instanceof HTMLDetailsElement) at.open = true;
  }
}

/* The drawing of the run: choosing and replaying. */
function sequence() {
  const stage = one("#sequence .stage");
  if (!stage) return;
  const frame = one(".frame", stage);
  const heads = one(".heads", stage);
  const panel = one("#panel", stage);
  const arrows = all("a.arrow", frame);
  const slider = one("#slider");
  const position = one("#position");
  const play = one("#play");
  let reached = arrows.length;
  let timer = 0;

  function entryOf(arrow) {
    return document.getElementById(arrow.getAttribute("href").slice(1));
  }

  function describe(arrow) {
    const entry = entryOf(arrow);
    if (!entry) return;
    const head = make("h3", "");
    for (const kind of ["step", "name"]) {
      head.append(make("span", one("summary ." + kind, entry).textContent, kind), " ");
    }
    const body = one(".body", entry).cloneNode(true);
    const link = make("a", "its place in the list");
    link.href = arrow.getAttribute("href");
    link.addEventListener("click", () => unfold(entry));
    const way = make("p", one("summary .way", entry).textContent, "way");
    const last = make("p", "", "small");
    last.append(link);
    panel.className = entry.className;
    panel.replaceChildren(head, way, body, last);
    panel.scrollTop = 0;
  }

  /* Scrolls the frame, never the page. */
  function bringIntoSight(arrow) {
    const box = arrow.getBoundingClientRect();
    const seen = frame.getBoundingClientRect();
    const top = seen.top + heads.getBoundingClientRect().height;
    if (box.top < top) frame.scrollTop -= top - box.top + 60;
    if (box.bottom > seen.bottom) frame.scrollTop += box.bottom - seen.bottom + 60;
    const start = one(".pill, .box", arrow).getBoundingClientRect();
    if (start.left < seen.left) frame.scrollLeft -= seen.left - start.left + 90;
    if (start.right > seen.right) frame.scrollLeft += start.right - seen.right + 90;
  }

  function choose(arrow) {
    for (const other of arrows) {
      const chosen = other === arrow;
      other.classList.toggle("chosen", chosen);
      other.setAttribute("tabindex", chosen ? "0" : "-1");
      if (chosen) other.setAttribute("aria-current", "true");
      else other.removeAttribute("aria-current");
    }
    describe(arrow);
    bringIntoSight(arrow);
  }

  function show(count) {
    reached = Math.min(Math.max(count, 0), arrows.length);
    arrows.forEach((arrow, i) => arrow.classList.toggle("later", i >= reached));
    slider.value = String(reached);
    const last = arrows[reached - 1];
    const time = last ? " · " + one(".time", last).textContent : "";
    position.textContent = reached + " of " + arrows.length + time;
    slider.setAttribute("aria-valuetext", last ? last.getAttribute("aria-label") : "the start");
  }

  function goTo(count) {
    show(count);
    if (reached) choose(arrows[reached - 1]);
    else frame.scrollTop = 0;
  }

  function stop() {
    clearInterval(timer);
    timer = 0;
    play.textContent = "Replay";
    panel.setAttribute("aria-live", "polite");
  }

  function start() {
    play.textContent = "Pause";
    panel.setAttribute("aria-live", "off");
    goTo(reached === arrows.length ? 1 : reached + 1);
    timer = setInterval(() => {
      goTo(reached + 1);
      if (reached === arrows.length) stop();
    }, 900);
  }

  function step(by) {
    stop();
    goTo(reached + by);
  }

  const keys = {
    ArrowDown: (i) => i + 1,
    ArrowUp: (i) => i - 1,
    Home: () => 0,
    End: () => arrows.length - 1,
  };

  arrows.forEach((arrow, i) => {
    arrow.setAttribute("tabindex", i ? "-1" : "0");
    arrow.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      stop();
      if (i >= reached) show(i + 1);
      choose(arrow);
    });
    arrow.addEventListener("keydown", (event) => {
      const next = keys[event.key] && arrows[keys[event.key](i)];
      if (!next) return;
      event.preventDefault();
      stop();
      show(Math.max(reached, arrows.indexOf(next) + 1));
      choose(next);
      next.focus({ preventScroll: true });
    });
  });

  slider.max = String(arrows.length);
  slider.addEventListener("input", () => {
    stop();
    goTo(Number(slider.value));
  });
  play.addEventListener("click", () => (timer ? stop() : start()));
  one("#back").addEventListener("click", () => step(-1));
  one("#forth").addEventListener("click", () => step(1));
  show(arrows.length);
  one(".replay").hidden = false;
  panel.hidden = false;
}

/* The large ring takes the place of whichever register is chosen. */
function ring() {
  const drawing = one(".ring.large");
  const registers = all("button.register");
  if (!drawing) return;

  function choose(register) {
    const { key, says } = register.dataset;
    const [x, y] = key.split(" ");
    const replicas = new Set(JSON.parse(register.dataset.replicas));
    const voters = new Set(JSON.parse(register.dataset.voters));
    for (const spoke of all(".spoke", drawing)) {
      spoke.setAttribute("x1", x);
      spoke.setAttribute("y1", y);
      spoke.classList.toggle("hidden", !replicas.has(spoke.dataset.name));
    }
    for (const peer of all(".peer", drawing)) {
      const name = peer.dataset.name;
      const voted = voters.has(name);
      peer.classList.toggle("voted", voted);
      peer.classList.toggle("silent", !voted && replicas.has(name));
      peer.classList.toggle("other", !voted && !replicas.has(name));
    }
    one(".key", drawing).setAttribute("transform", "translate(" + x + " " + y + ")");
    one("#ring-says").textContent = says;
    for (const other of registers) {
      other.setAttribute("aria-pressed", String(other === register));
    }
  }

  for (const register of registers) {
    register.addEventListener("click", () => choose(register));
  }
  if (registers.length) choose(registers[0]);
}

/* A link to an entry opens what it is folded into. */
function links() {
  const follow = () => {
    const entry = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (!entry) return;
    unfold(entry);
    entry.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  for (const arrow of all("a.arrow")) {
    arrow.addEventListener("click", (event) => {
      if (!event.defaultPrevented) setTimeout(follow);
    });
  }
  follow();
}

/* On paper nothing can be unfolded: the list is printed a line a message if it is short enough,
   and below a step's first message its formula. */
function paper() {
  let opened = [];
  function unfoldForPaper(details) {
    if (details.open) return;
    details.open = true;
    opened.push(details);
  }
  addEventListener("beforeprint", () => {
    const seen = new Set();
    for (const list of all("details[data-print]")) {
      unfoldForPaper(list);
      for (const formulas of all(".message .formulas", list)) {
        const entry = formulas.closest(".message");
        if (seen.has(formulas.textContent) || entry.open) continue;
        seen.add(formulas.textContent);
        entry.classList.add("for-paper");
        unfoldForPaper(entry);
      }
    }
  });
  addEventListener("afterprint", () => {
    for (const details of opened) {
      details.open = false;
      details.classList.remove("for-paper");
    }
    opened = [];
  });
}

sequence();
ring();
links();
paper();
