/*
 * The Bedside chat widget: one script tag on any page, this file is what runs.
 *
 *   <script src="https://bedside.example/widget.js" data-language="en" data-country="US" data-title="Chat" defer></script>
 *
 * data-language   BCP 47; else the page's language, else the browser's. A language the patient picks wins and is kept.
 * data-country    ISO 3166; decides which emergency number and crisis lines are named.
 * data-title      what the launcher is called until the words have come from the server.
 * data-open-on    name of a query parameter of the page that opens the chat at once.
 * data-exit       where "leave quickly" goes; without it the chat is wiped and closed and the page stays.
 * Any element of the page with the attribute data-bedside-open opens the chat.
 *
 * Kept in localStorage: the conversation's id and token, the id of the last event seen, the chosen language and the
 * patient's own messages. Replies are not kept: after a reload the server sends them again from the first event, so
 * what was erased or has expired there is not shown here either. "Erase" and "leave quickly" delete all of it.
 */
(() => {
  'use strict';

  const script = document.currentScript || document.querySelector('script[src*="/widget.js"]');
  if (!script || window.bedsideWidget) return;
  window.bedsideWidget = true;

  const BASE = new URL('.', script.src).href;
  const KEY = `bedside:${BASE}`;
  const MAX_CHARACTERS = 4000;
  const SILENCE_MS = 45000; // the server pings more often; a longer silence means that the connection is dead
  const REPLAY_QUIET_MS = 1500;
  const ENDED = [401, 403, 404, 410];
  const CALLABLE = ['emergency', 'crisis', 'urgent', 'handoff', 'refusal', 'unavailable'];
  const FULL_SCREEN = matchMedia('(max-width: 480px), (max-height: 480px)');

  // ------------------------------------------------------------------ what is kept on this device

  const memory = {};
  const store = (area, key, value) => {
    try {
      if (value === undefined) return window[area].getItem(key);
      if (value === null) window[area].removeItem(key);
      else window[area].setItem(key, value);
    } catch {
      // Storage can be forbidden; the chat then lives as long as the page.
      if (value === undefined) return memory[key] ?? null;
      memory[key] = value;
    }
    return null;
  };
  const kept = () => {
    let record = null;
    try {
      record = JSON.parse(store('localStorage', KEY));
    } catch {
      record = null;
    }
    return { id: null, token: null, last: null, language: null, own: [], ...record };
  };
  const keep = (change) => {
    const record = kept();
    change(record);
    store('localStorage', KEY, JSON.stringify(record));
  };
  const keepOwn = (own) =>
    keep((record) => {
      const { client_message_id, text, shown, id, after, state, refused } = own;
      const copy = { client_message_id, text, shown, id, after, state, refused };
      const at = record.own.findIndex((other) => other.client_message_id === client_message_id);
      if (at < 0) record.own.push(copy);
      else record.own[at] = copy;
    });

  // ------------------------------------------------------------------ words, all from the server

  let words = {};
  let language = kept().language || script.dataset.language || document.documentElement.lang || navigator.language || 'en';
  let emergencyNumber = '';
  const labels = [];
  const word = (name, values = {}) =>
    (words[name] || '').replace(/\{(\w+)\}/g, (_, key) => ({ emergency_number: emergencyNumber, ...values })[key] ?? '');
  /** Keeps an attribute (or the text) of an element equal to a word, also after the language changed. */
  const labelled = (element, name, attribute = '') => {
    labels.push(() => {
      if (attribute) element.setAttribute(attribute, word(name));
      else element.textContent = word(name);
    });
    return element;
  };

  const loadWords = async (wanted) => {
    const query = new URLSearchParams({ language: wanted });
    if (script.dataset.country) query.set('country', script.dataset.country);
    const response = await fetch(`${BASE}web/words?${query}`, { credentials: 'omit' });
    if (!response.ok) throw new Error(`words: ${response.status}`);
    const loaded = await response.json();
    words = loaded.words;
    language = loaded.language;
    emergencyNumber = loaded.emergency_number || '';
    root.dir = loaded.direction || 'ltr';
    root.lang = language;
    for (const paint of labels) paint();
    picker.replaceChildren(
      ...loaded.languages.map(({ tag, name }) => h('option', { value: tag, lang: tag, selected: tag === language }, name)),
    );
    notDoctor.replaceChildren(...inline(word('not_a_doctor'), 'emergency'));
    panelTitle.textContent = script.dataset.title || word('title');
    paintLauncher();
  };

  // ------------------------------------------------------------------ building blocks

  /** Makes an element. Children are nodes or plain text, never markup, so nothing a server says can become code. */
  const h = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
      else if (value !== false && value != null) element.setAttribute(name, value === true ? '' : value);
    }
    element.append(...children.filter((child) => child != null && child !== ''));
    return element;
  };
  const icon = (path) => {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 24 24');
    svg.setAttribute('aria-hidden', 'true');
    const shape = document.createElementNS('http://www.w3.org/2000/svg', 'path');
    shape.setAttribute('d', path);
    svg.append(shape);
    return svg;
  };
  const ICONS = {
    chat: 'M4 3h16a2 2 0 0 1 2 2v11a2 2 0 0 1-2 2h-7l-5.3 4a.7.7 0 0 1-1.1-.6V18H4a2 2 0 0 1-2-2V5c0-1.1.9-2 2-2Zm3 5v1.8h10V8H7Zm0 3.7v1.8h7v-1.8H7Z',
    close: 'm6.4 5 5.6 5.6L17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4-5.6-5.6L6.4 19 5 17.6l5.6-5.6L5 6.4Z',
    menu: 'M12 4a2 2 0 1 1 0 4 2 2 0 0 1 0-4Zm0 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4Zm0 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z',
    send: 'M3 20.5V14l8.5-2L3 10V3.5L21.5 12Z',
    person: 'M12 3a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9Zm0 10.5c4.7 0 8 2.3 8 5.3V21H4v-2.2c0-3 3.3-5.3 8-5.3Z',
    warning: 'M12 2.5 23 21.5H1Zm-1 7v6h2v-6Zm0 7.5v2h2v-2Z',
    heart: 'M12 21 3.6 12.7a5.3 5.3 0 0 1 7.5-7.5l.9.9.9-.9a5.3 5.3 0 0 1 7.5 7.5Z',
    phone: 'M6.6 2.5 10 7.4 8 10c1 2.3 3 4.6 5.7 5.9l2.6-2.2 5 3.300c-.3 2.6-2 4.5-4.3 4.5C9.5 21.5 2.5 14 2.5 6.7c0-2.200 1.700-4 4.100-4.200Z',
    out: 'M4 3h9v2H6v14h7v2H4Zm11.6 4.6L20 12l-4.4 4.4-1.4-1.4 2-2H9v-2h7.200l-2-2Z',
  };

  /** Says whether digits in a text are a number to call: the country's emergency number, a short line or a full number. */
  const dialable = (digits, kind, after) => {
    if (digits === emergencyNumber.replace(/\D/g, '')) return true;
    if (!CALLABLE.includes(kind) || /^\s*(mg|ml|mcg|kg|g\b|%|°|º|mmhg|bpm|cm|km|min)/i.test(after)) return false;
    return /^\+?\d{7,15}$|^116\d{3}$|^(0\d\d|9\d\d|11\d)$/.test(digits);
  };
  const call = (number, ...children) => h('a', { href: `tel:${number.replace(/[^\d+]/g, '')}`, class: 'tel', dir: 'ltr' }, ...children);

  /** Turns plain text into nodes, with web addresses and telephone numbers as links. */
  const inline = (text, kind) => {
    const nodes = [];
    const found = /(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])|(?<![\w/.,:+-])(\+?\(?\d+\)?(?:[ .\u00a0-]\(?\d+\)?)*)(?![\w/:%])/g;
    let from = 0;
    for (const match of text.matchAll(found)) {
      const [piece, address] = match;
      const next = match.index + piece.length;
      const digits = piece.replace(/[^\d+]/g, '');
      if (!address && (/^\d{4}-\d\d-\d\d$/.test(piece) || !dialable(digits, kind, text.slice(next)))) continue;
      nodes.push(text.slice(from, match.index), address ? link(address, address.replace(/^https?:\/\/(www\.)?/, '')) : call(piece, piece));
      from = next;
    }
    nodes.push(text.slice(from));
    return nodes;
  };
  const link = (address, name) =>
    /^https?:\/\//i.test(address || '') ? h('a', { href: address, target: '_blank', rel: 'noopener noreferrer' }, name) : h('span', {}, name);

  /** Lays text out as paragraphs and lists; every sentence that is cited ends its own paragraph with its marks. */
  const layOut = (text, kind, marks, markers) => {
    const blocks = [];
    const points = marks.map((mark) => mark.at);
    let list = null;
    let from = 0;
    const end = (to) => {
      const mark = marks.find(({ at }) => at === to);
      const raw = text.slice(from, to).trim();
      from = to;
      if (!raw && !mark) {
        return;
      }
      const bullet = /^[-•*–]\s+/.exec(raw);
      const line = h(bullet ? 'li' : 'p', {}, ...inline(raw.slice(bullet ? bullet[0].length : 0), kind), ...(mark ? markers(mark.ids) : []));
      if (bullet && !list) blocks.push((list = h('ul')));
      if (bullet) list.append(line);
      else {
        list = null;
        blocks.push(line);
      }
    };
    for (let at = 0; at <= text.length; at += 1) {
      if (points.includes(at) || at === text.length || text[at] === '\n') end(at);
    }
    return blocks;
  };

  const pause = (ms) =>
    new Promise((resolve) => {
      setTimeout(resolve, ms);
      wake = resolve;
    });
  let wake = () => {};
  /** Full jitter: many patients who lost the same server do not come back in the same moment. */
  const backoff = (attempt) => 250 + Math.random() * Math.min(30000, 500 * 2 ** attempt);

  // ------------------------------------------------------------------ the page's parts

  const button = (name, glyph, onclick, attributes = {}) =>
    labelled(h('button', { type: 'button', onclick, ...attributes }, glyph), name, 'aria-label');
  const textButton = (name, onclick, glyph, attributes = {}) =>
    h('button', { type: 'button', onclick, ...attributes }, glyph, labelled(h('span'), name));

  const badge = h('span', { class: 'badge', hidden: true, 'aria-hidden': 'true' });
  const launcher = h(
    'button',
    { type: 'button', class: 'launcher', part: 'launcher', 'aria-label': script.dataset.title || 'Chat', 'aria-expanded': 'false', onclick: () => toggle() },
    icon(ICONS.chat),
    badge,
  );
  const panelTitle = h('h2', { id: 'title', tabindex: '-1' });
  const menuButton = button('menu', icon(ICONS.menu), () => showMenu(menu.hidden), { 'aria-expanded': 'false', 'aria-controls': 'menu' });
  const closeButton = button('close', icon(ICONS.close), () => close());
  const picker = h('select', { id: 'language', onchange: () => changeLanguage(picker.value) });
  const confirmErase = h(
    'div',
    { class: 'confirm', hidden: true },
    labelled(h('p', { id: 'erase' }), 'erase_confirm'),
    textButton('erase', () => clear(true), null, { class: 'danger', 'aria-describedby': 'erase' }),
    textButton('keep', () => showMenu(false)),
  );
  const menu = h(
    'div',
    { id: 'menu', class: 'menu', hidden: true },
    h('div', { class: 'row' }, labelled(h('label', { for: 'language' }), 'language'), picker),
    textButton('delete_data', () => {
      showMenu(false);
      say('/delete', word('delete_data'));
    }),
    textButton('erase', () => {
      confirmErase.hidden = false;
      confirmErase.querySelector('button').focus();
    }),
    confirmErase,
    textButton('quick_exit', () => leave(), icon(ICONS.out), { class: 'exit' }),
  );
  const notDoctor = h('p', { class: 'not-doctor', id: 'not-doctor' });
  const caseStrip = h('p', { class: 'strip case', role: 'status', hidden: true });
  const log = labelled(h('div', { class: 'log', role: 'log', 'aria-live': 'polite', 'aria-relevant': 'additions', tabindex: '0' }), 'conversation', 'aria-label');
  const typingText = h('span');
  const typingRow = h('p', { class: 'typing', role: 'status' });
  const jump = textButton('new_message', () => scrollToEnd(), null, { class: 'jump', hidden: true });
  const offline = h('p', { class: 'strip offline', role: 'status', hidden: true });
  const box = labelled(
    labelled(h('textarea', { rows: '1', id: 'box', 'aria-describedby': 'count', dir: 'auto', enterkeyhint: 'send' }), 'placeholder', 'placeholder'),
    'placeholder',
    'aria-label',
  );
  const count = h('span', { id: 'count', class: 'count', role: 'status' });
  const sendButton = button('send', icon(ICONS.send), () => {}, { type: 'submit', class: 'send' });
  const composer = h('form', { class: 'composer' }, h('div', { class: 'field' }, box, sendButton));
  const personButton = textButton('person', () => say('person', word('person')), icon(ICONS.person), { class: 'person' });
  const panel = h(
    'section',
    { class: 'panel', role: 'dialog', 'aria-modal': 'false', 'aria-labelledby': 'title', 'aria-describedby': 'not-doctor', hidden: true },
    h('header', {}, panelTitle, menuButton, closeButton),
    menu,
    notDoctor,
    caseStrip,
    h('div', { class: 'scroller' }, log, jump),
    typingRow,
    offline,
    composer,
    h('div', { class: 'foot' }, personButton, count),
  );
  const announcer = h('p', { class: 'unseen', role: 'status' });
  const root = h('div', { class: 'root' }, panel, launcher, announcer);

  // ------------------------------------------------------------------ opening and closing

  let isOpen = false;
  let openWhenReady = false;
  let unread = 0;

  const paintLauncher = () => {
    const name = isOpen ? word('close') : word('open');
    launcher.setAttribute('aria-label', (name || script.dataset.title || 'Chat') + (unread ? `. ${word('new_message')}: ${unread}` : ''));
    launcher.setAttribute('aria-expanded', String(isOpen));
    launcher.replaceChildren(icon(isOpen ? ICONS.close : ICONS.chat), badge);
    badge.textContent = unread;
    badge.hidden = !unread;
  };
  const toggle = () => (isOpen ? close() : open());
  const open = ({ focus = true } = {}) => {
    if (!words.send) {
      openWhenReady = true;
      wake();
      return;
    }
    isOpen = true;
    unread = 0;
    panel.hidden = false;
    root.classList.add('open');
    store('sessionStorage', KEY, 'open');
    fitScreen();
    paintLauncher();
    // On touch screens the keyboard would cover the words that say what this is.
    if (focus) (matchMedia('(pointer: coarse)').matches ? panelTitle : box).focus();
    scrollToEnd();
    startConversation().then(listen, (error) => showOffline(true, error.words));
    setTimeout(showStarters, 900);
  };
  const close = () => {
    const hadFocus = panel.contains(shadow.activeElement);
    isOpen = false;
    showMenu(false);
    panel.hidden = true;
    root.classList.remove('open');
    store('sessionStorage', KEY, null);
    paintLauncher();
    if (hadFocus) launcher.focus();
  };
  const showMenu = (show) => {
    const hadFocus = menu.contains(shadow.activeElement);
    menu.hidden = !show;
    confirmErase.hidden = true;
    menuButton.setAttribute('aria-expanded', String(show));
    if (show) picker.focus();
    else if (hadFocus) menuButton.focus();
  };
  const fitScreen = () => {
    panel.setAttribute('aria-modal', String(FULL_SCREEN.matches));
    // On phones the keyboard shrinks only the visual viewport.
    const view = window.visualViewport;
    if (!view) return;
    panel.style.setProperty('--height', `${view.height}px`);
    panel.style.setProperty('--top', `${view.offsetTop}px`);
  };

  document.addEventListener('keydown', (event) => {
    if (!isOpen || event.defaultPrevented) return;
    if (event.key === 'Escape') {
      if (menu.hidden) close();
      else showMenu(false);
      event.preventDefault();
    }
    if (event.key === 'Tab' && FULL_SCREEN.matches) keepFocusInside(event);
  });
  /** While the panel covers the whole screen, Tab stays in it: nothing behind it can be seen. */
  const keepFocusInside = (event) => {
    const stops = [...panel.querySelectorAll('button, a[href], select, textarea, summary, [tabindex="0"]')].filter((stop) => stop.offsetParent && !stop.disabled);
    const at = stops.indexOf(shadow.activeElement);
    const leaving = event.shiftKey ? at <= 0 : at === stops.length - 1 || at < 0;
    if (!leaving) return;
    event.preventDefault();
    stops[event.shiftKey ? stops.length - 1 : 0].focus();
  };
  document.addEventListener('focusin', ({ target }) => {
    // What has the page's focus must not lie hidden under the launcher.
    const under = launcher.getBoundingClientRect();
    const it = target.getBoundingClientRect();
    const covered = target !== host && it.left >= under.left - 8 && it.right <= under.right + 8 && it.top >= under.top - 8 && it.bottom <= under.bottom + 8;
    launcher.classList.toggle('aside', covered);
  });
  document.addEventListener('click', (event) => {
    const opener = event.target instanceof Element && event.target.closest('[data-bedside-open]');
    if (!opener) return;
    event.preventDefault();
    open();
  });

  /** Takes the chat off the screen; `wipe` also takes it off this device, all but the chosen language. */
  const clear = (wipe) => {
    keep((record) => Object.assign(record, { own: [], last: null }, wipe && { id: null, token: null }));
    if (wipe) stopListening();
    for (const shown of [seen, parts, owns]) shown.clear();
    log.replaceChildren();
    lastMessage = null;
    showCase({});
    showTyping(null);
    if (!wipe) return;
    lastId = replayUntil = null;
    box.value = '';
    close();
    launcher.focus();
  };
  const leave = () => {
    clear(true);
    if (/^https?:/.test(script.dataset.exit || '')) location.replace(script.dataset.exit);
  };

  const changeLanguage = async (tag) => {
    const name = picker.selectedOptions[0].textContent;
    try {
      await loadWords(tag);
    } catch {
      picker.value = language;
      showOffline(true);
      return;
    }
    keep((record) => (record.language = tag));
    showMenu(false);
    say(`language:${tag}`, name);
  };

  // ------------------------------------------------------------------ the log

  const seen = new Set();
  const parts = new Map();
  const owns = new Map();
  let lastMessage = null;
  let anchor = null;

  const nearEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 120;
  const scrollToEnd = () => {
    log.scrollTop = log.scrollHeight;
    jump.hidden = true;
  };
  log.addEventListener('scroll', () => {
    if (nearEnd()) jump.hidden = true;
  });
  /** Adds to the log and follows it, yet never scrolls the beginning of the current turn out of sight. */
  const add = (element, change = () => log.append(element)) => {
    const following = nearEnd();
    log.querySelector('.starters')?.remove();
    change();
    if (!following && isOpen) {
      jump.hidden = nearEnd();
      return;
    }
    const start = anchor && log.contains(anchor) ? anchor.offsetTop - log.offsetTop - 12 : Infinity;
    log.scrollTop = Math.max(log.scrollTop, Math.min(log.scrollHeight, start));
  };

  const showStarters = () => {
    if (log.childElementCount || !isOpen || !live) return;
    const questions = ['starter_1', 'starter_2', 'starter_3'].map((name) => word(name)).filter(Boolean);
    add(
      h(
        'div',
        { class: 'starters' },
        h('p', {}, word('hello')),
        ...questions.map((question) => h('button', { type: 'button', class: 'quick', onclick: () => say(question) }, question)),
      ),
    );
  };

  const showOwn = (own) => {
    let element = owns.get(own.client_message_id);
    if (!element) {
      element = h('div', { class: 'own' });
      owns.set(own.client_message_id, element);
      for (const old of log.querySelectorAll('.quicks')) old.remove();
      anchor = element;
      add(element);
      if (live) scrollToEnd();
    }
    const failed = own.state === 'not_sent' || own.state === 'refused';
    const status = failed ? own.refused || word('not_sent') : own.state === 'read' ? word('read') : own.state === 'sending' ? word('sending') : '';
    const note = h('p', { class: 'state', role: failed ? 'alert' : null }, status);
    if (own.state === 'not_sent') note.append(' ', h('button', { type: 'button', onclick: () => deliver(own) }, word('retry')));
    element.className = `own ${own.state}`;
    element.replaceChildren(h('p', { class: 'bubble', dir: 'auto' }, h('span', { class: 'unseen' }, `${word('you')}: `), own.shown), status ? note : '');
  };

  /** Puts the patient's own messages of an earlier visit back where they stood between the replies. */
  const placeOwns = (isDue) => {
    for (const own of kept().own) {
      if (!owns.has(own.client_message_id) && isDue(own)) showOwn(own);
    }
  };

  const authorMark = (message) => {
    const name = { bot: 'bot', bot_reviewed: 'bot_reviewed', human: 'human' }[message.author] || 'bot';
    const text = message.author === 'human' && message.person_name ? `${message.person_name} · ${word(name)}` : word(name);
    return h('p', { class: 'mark' }, message.author === 'human' ? icon(ICONS.person) : null, text);
  };

  const numbered = (citations, sources) => (ids) =>
    ids
      .map((cited) => citations.findIndex(({ id }) => id === (cited.id ?? cited)))
      .filter((at, place, all) => at >= 0 && all.indexOf(at) === place)
      .map((at) =>
        h(
          'button',
          {
            type: 'button',
            class: 'cite',
            'aria-label': `${word('source')} ${at + 1}: ${citations[at].title}`,
            onclick: () => {
              sources.open = true;
              const item = sources.querySelectorAll('li')[at];
              item.focus();
              item.scrollIntoView({ block: 'nearest' });
            },
          },
          String(at + 1),
        ),
      );

  const sourceList = (citations) => {
    const items = citations.map(({ title, url, publisher, reviewed_on }) => {
      const date = reviewed_on && new Date(`${reviewed_on}T00:00:00Z`);
      const shown = date && !Number.isNaN(date.getTime()) ? new Intl.DateTimeFormat(language, { dateStyle: 'long', timeZone: 'UTC' }).format(date) : reviewed_on;
      return h(
        'li',
        { tabindex: '-1' },
        h('div', { class: 'source' }, link(url, title)),
        h('div', { class: 'fine' }, publisher),
        h('div', { class: reviewed_on ? 'fine' : 'fine unreviewed' }, reviewed_on ? word('reviewed_on', { date: shown }) : word('not_reviewed')),
      );
    });
    return h('details', { class: 'sources' }, h('summary', {}, `${word('sources')} (${citations.length})`), h('ol', {}, ...items));
  };

  const quickReplies = (choices) =>
    h(
      'div',
      { class: 'quicks', role: 'group', 'aria-label': word('choices') },
      ...choices.map(({ title, payload }) => h('button', { type: 'button', class: 'quick', onclick: () => say(payload, title) }, title)),
    );

  const fillBody = (body, message, sources) => {
    const citations = message.citations || [];
    const marks = [];
    let from = 0;
    for (const sentence of citations.length ? message.sentences || [] : []) {
      const at = message.text.indexOf(sentence.text, from);
      if (at < 0 || !sentence.text) continue;
      from = at + sentence.text.length;
      marks.push({ at: from, ids: sentence.citations || [] });
    }
    body.replaceChildren(...layOut(message.text, message.kind, marks, numbered(citations, sources)));
  };

  const LABELS = { emergency: ['emergency', ICONS.warning], crisis: ['crisis', ICONS.heart], urgent: ['urgent', ICONS.warning] };

  const showMessage = (message) => {
    if (seen.has(message.id) || typeof message.text !== 'string') return;
    if (message.erased) clear(false);
    seen.add(message.id);
    placeOwns((own) => own.id && own.id === message.reply_to);
    const streamed = parts.get(message.reply_to);
    parts.delete(message.reply_to);
    const sources = message.citations?.length ? sourceList(message.citations) : null;
    if (sources && !message.sentences) sources.open = true; // the patient asked for them
    const body = streamed ? streamed.body : h('div', { class: 'body' });
    // The sentences were read out as they came; the finished answer must not be read out once more.
    if (streamed && message.kind === 'answer') body.setAttribute('aria-live', 'off');
    const [label, glyph] = LABELS[message.kind] || [];
    const loud = live && (message.kind === 'emergency' || message.kind === 'crisis');
    const bubble = streamed ? streamed.element : h('article', {});
    const place = () => {
      bubble.className = `reply ${message.kind} ${message.author}`;
      bubble.lang = message.language || language;
      bubble.dir = 'auto';
      if (loud) bubble.setAttribute('role', 'alert');
      fillBody(body, message, sources);
      if (streamed && message.author !== 'bot') bubble.firstChild.replaceWith(authorMark(message));
      if (!streamed) bubble.append(authorMark(message), label ? h('p', { class: 'label' }, icon(glyph), word(label)) : '', body);
      if (label === 'emergency' && emergencyNumber && message.text.includes(emergencyNumber)) {
        bubble.append(h('p', { class: 'call' }, call(emergencyNumber, icon(ICONS.phone), word('call'))));
      }
      if (sources) bubble.append(sources);
      if (!streamed) log.append(bubble);
      const overtaken = anchor && bubble.compareDocumentPosition(anchor) & Node.DOCUMENT_POSITION_FOLLOWING;
      if (message.quick_replies?.length && !overtaken) bubble.after(quickReplies(message.quick_replies));
    };
    if (!message.reply_to) anchor = bubble;
    add(bubble, place);
    lastMessage = message.id;
    placeOwns((own) => own.after === message.id);
    if (message.reply_to === typingFor) showTyping(null);
    if (live && !isOpen) {
      unread += 1;
      announcer.textContent = word('new_message');
      paintLauncher();
    }
  };

  const showPart = (part) => {
    if (typeof part.text !== 'string') return;
    placeOwns((own) => own.id && own.id === part.reply_to);
    let reply = parts.get(part.reply_to);
    if (!reply) {
      const body = h('div', { class: 'body' });
      reply = { body, sentences: [], element: h('article', { class: 'reply answer bot streaming', lang: language, dir: 'auto' }, authorMark({ author: 'bot' }), body) };
      parts.set(part.reply_to, reply);
      add(reply.element);
    }
    if (reply.sentences[part.index]) return;
    const lines = layOut(part.text, 'answer', [], () => []);
    reply.sentences[part.index] = lines;
    const later = reply.sentences.slice(part.index + 1).find(Boolean);
    add(reply.element, () => (later ? later[0].before(...lines) : reply.body.append(...lines)));
    showTyping(null);
  };

  let typingTimer = 0;
  let typingFor = null;
  const showTyping = (message_id) => {
    clearTimeout(typingTimer);
    typingFor = message_id || null;
    if (!typingFor) {
      typingRow.replaceChildren();
      return;
    }
    typingText.textContent = word('typing');
    if (!typingRow.childElementCount) typingRow.append(h('span', { class: 'dots', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')), typingText);
    // People wait ten seconds without a word; then they are told that it is still going on, and at last it is over.
    typingTimer = setTimeout(() => {
      typingText.textContent = word('still_working');
      typingTimer = setTimeout(showTyping, 60000, null);
    }, 10000);
  };

  const showCase = ({ state, person_name: name, wait }) => {
    caseStrip.hidden = !['waiting', 'claimed'].includes(state);
    caseStrip.textContent = caseStrip.hidden ? '' : word(state === 'claimed' ? (name ? 'case_claimed_by' : 'case_claimed') : 'case_waiting', { person_name: name, wait });
    root.classList.toggle('with-person', state === 'claimed');
  };

  const showRead = ({ reply_to: id }) => {
    for (const own of kept().own) {
      if (own.id && own.state === 'sent' && (!id || own.id === id)) {
        own.state = 'read';
        keepOwn(own);
        if (owns.has(own.client_message_id)) showOwn(own);
      }
    }
  };

  const showOffline = (on, why = '') => {
    if (on !== offline.hidden && !why) return;
    offline.hidden = !on;
    offline.replaceChildren(...(on ? inline(why || word('offline'), 'emergency') : []));
  };

  // ------------------------------------------------------------------ sending

  const post = (path, body, token) =>
    fetch(`${BASE}web/conversations${path}`, {
      method: 'POST',
      credentials: 'omit',
      headers: { 'Content-Type': 'application/json', 'Accept-Language': language, ...(token && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify(body),
    });
  /** The server's own words for a refusal, if it sent any. */
  const refusalWords = async (response) => {
    const body = await response.json().catch(() => ({}));
    return [body.text, body.message, body.error?.message, body.error, body.detail].find((said) => typeof said === 'string' && said.includes(' ')) || '';
  };

  let starting = null;
  const startConversation = () => {
    if (kept().id) return Promise.resolve();
    starting ||= (async () => {
      const response = await post('', { language, ...(script.dataset.country && { country: script.dataset.country }) });
      if (!response.ok) throw Object.assign(new Error(`start: ${response.status}`), { words: await refusalWords(response) });
      const { conversation_id: id, token } = await response.json();
      keep((record) => Object.assign(record, { id, token, last: null }));
      lastId = replayUntil = null;
      live = true;
    })().finally(() => (starting = null));
    return starting;
  };
  /** Drops a conversation that the server no longer knows; another tab may have a new one already. */
  const dropConversation = (id) => {
    if (kept().id !== id) return;
    keep((record) => {
      const unsent = record.own.filter((own) => own.state === 'sending').map((own) => ({ ...own, after: null }));
      Object.assign(record, { id: null, token: null, last: null, own: unsent });
    });
    stopListening();
    parts.clear();
    lastMessage = null;
    showCase({});
    if (log.querySelector('article')) add(h('p', { class: 'divider' }, word('new_conversation')));
  };

  const attempt = async (own) => {
    let renewed = false;
    for (let tries = 0; ; tries += 1) {
      try {
        await startConversation();
        const { id, token } = kept();
        const { client_message_id, text } = own;
        const response = await post(`/${id}/messages`, { client_message_id, text }, token);
        if (response.ok) return { state: 'sent', id: (await response.json()).message_id };
        if (ENDED.includes(response.status) && !renewed) {
          renewed = true;
          own.after = null;
          dropConversation(id);
          continue;
        }
        if (response.status < 500) {
          const again = response.status === 429 || ENDED.includes(response.status);
          return { state: again ? 'not_sent' : 'refused', refused: await refusalWords(response) };
        }
      } catch (error) {
        if (error.words) return { state: 'not_sent', refused: error.words };
      }
      if (tries >= 3 || !navigator.onLine) return { state: 'not_sent', refused: '' };
      await new Promise((resolve) => setTimeout(resolve, backoff(tries)));
    }
  };
  let queue = Promise.resolve();
  const deliver = (own) => {
    Object.assign(own, { state: 'sending', refused: '' });
    keepOwn(own);
    showOwn(own);
    queue = queue.then(async () => {
      Object.assign(own, await attempt(own));
      if (!owns.has(own.client_message_id)) return; // erased meanwhile
      keepOwn(own);
      showOwn(own);
      if (own.state === 'refused' && !box.value) {
        box.value = own.text;
        sizeBox();
      }
      listen();
    });
  };
  const say = (text, shown = text) => {
    const trimmed = text.trim();
    if (!trimmed) return;
    deliver({ client_message_id: uuid(), text: trimmed, shown: shown.trim(), id: null, after: lastMessage, state: 'sending' });
    if (!matchMedia('(pointer: coarse)').matches) box.focus();
  };
  /** randomUUID exists on secure pages only; a clinic's intranet may be plain http. */
  const uuid = () =>
    crypto.randomUUID?.() || '10000000-1000-4000-8000-100000000000'.replace(/[018]/g, (c) => (c ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (c / 4)))).toString(16));

  const characters = () => (box.value.length > 2000 ? [...box.value].length : box.value.length);
  const sizeBox = () => {
    box.style.height = 'auto';
    box.style.height = `${Math.min(box.scrollHeight + 2, 140)}px`;
    const length = characters();
    const over = length > MAX_CHARACTERS;
    count.textContent = over ? word('too_long', { length, limit: MAX_CHARACTERS }) : length > MAX_CHARACTERS - 500 ? `${length} / ${MAX_CHARACTERS}` : '';
    count.classList.toggle('over', over);
    box.setAttribute('aria-invalid', String(over));
    sendButton.setAttribute('aria-disabled', String(over || !length));
  };
  box.addEventListener('input', sizeBox);
  box.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    composer.requestSubmit();
  });
  composer.addEventListener('submit', (event) => {
    event.preventDefault();
    if (characters() > MAX_CHARACTERS || !box.value.trim()) return;
    const text = box.value;
    box.value = '';
    sizeBox();
    say(text);
  });

  // ------------------------------------------------------------------ listening

  let lastId = null;
  let replayUntil = kept().last;
  let live = !replayUntil;
  let quietTimer = 0;
  let stream = null;
  let listening = false;

  const wanted = () => Boolean(kept().id) && (isOpen || document.visibilityState === 'visible');
  const stopListening = () => stream?.abort();

  const becomeLive = () => {
    clearTimeout(quietTimer);
    if (live) return;
    live = true;
    placeOwns(() => true);
    log.setAttribute('aria-live', 'polite');
    resend(({ state }) => state === 'sending');
    scrollToEnd();
  };
  /** Sends again what may not have arrived; the server knows a message that it has by its client_message_id. */
  const resend = (isDue) => {
    for (const own of kept().own) if (isDue(own) && owns.has(own.client_message_id)) deliver(own);
  };
  const HANDLERS = { message: showMessage, part: showPart, case: showCase, read: showRead, typing: ({ state, reply_to: to }) => showTyping(state === 'on' && to) };

  const dispatch = (event, data, id) => {
    try {
      HANDLERS[event]?.(JSON.parse(data));
    } catch {
      console.error(`bedside: an event of type ${event} could not be shown`);
    }
    if (!id) return;
    lastId = id;
    if (live) keep((record) => (record.last = id));
    else if (id === replayUntil) becomeLive();
  };

  /** Reads Server-Sent Events until the stream ends. */
  const readEvents = async (body, heard) => {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = '';
    let event = '';
    let data = [];
    let id = null;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      const lines = (buffer + value).split(/\r\n|\n|\r(?!$)/);
      buffer = lines.pop();
      for (const line of lines) {
        const [, field, content] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (field === 'event') event = content;
        else if (field === 'data') data.push(content);
        else if (field === 'id') id = content;
        else if (!line) {
          if (data.length) dispatch(event || 'message', data.join('\n'), id);
          event = '';
          data = [];
          id = null;
        }
      }
    }
  };

  const listen = async () => {
    if (listening) return;
    listening = true;
    for (let failures = 0; wanted(); failures += 1) {
      const { id, token } = kept();
      stream = new AbortController();
      let watchdog = 0;
      const heard = () => {
        failures = 0;
        clearTimeout(watchdog);
        watchdog = setTimeout(stopListening, SILENCE_MS);
      };
      try {
        watchdog = setTimeout(stopListening, SILENCE_MS);
        const response = await fetch(`${BASE}web/conversations/${id}/events`, {
          credentials: 'omit',
          cache: 'no-store',
          signal: stream.signal,
          headers: { Accept: 'text/event-stream', Authorization: `Bearer ${token}`, ...(lastId && { 'Last-Event-ID': lastId }) },
        });
        if (ENDED.includes(response.status)) {
          dropConversation(id);
          if (isOpen) await startConversation();
        } else if (response.ok) {
          showOffline(false);
          quietTimer = setTimeout(becomeLive, REPLAY_QUIET_MS);
          await readEvents(response.body, heard);
        }
      } catch {
        // A lost connection is the ordinary case: the loop comes back for what it missed.
      } finally {
        clearTimeout(watchdog);
        clearTimeout(quietTimer);
      }
      if (!wanted()) break;
      if (failures > 0 || !navigator.onLine) showOffline(true);
      await pause(backoff(failures));
    }
    listening = false;
  };

  const comeBack = () => {
    wake();
    resend(({ state, refused }) => state === 'not_sent' && !refused);
    listen();
  };
  addEventListener('online', comeBack);
  addEventListener('offline', () => showOffline(true));
  document.addEventListener('visibilitychange', () => {
    // Browsers allow few connections to one server; tabs that nobody looks at give theirs back.
    if (wanted()) listen();
    else stopListening();
    wake();
  });
  addEventListener('storage', ({ key }) => {
    if (key !== KEY) return;
    if (!kept().id && owns.size) clear(true);
    else if (live) placeOwns(() => true);
  });

  // ------------------------------------------------------------------ start

  const host = h('div', { 'data-bedside': '' });
  const shadow = host.attachShadow({ mode: 'open' });
  const dress = (css) => {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      shadow.adoptedStyleSheets = [sheet];
    } catch {
      shadow.append(h('style', {}, css)); // browsers before 2023
    }
  };

  const start = async () => {
    dress(CSS_TEXT);
    shadow.append(root);
    document.body.append(host);
    FULL_SCREEN.addEventListener('change', fitScreen);
    window.visualViewport?.addEventListener('resize', fitScreen);
    const opener = script.dataset.openOn;
    const asked = Boolean(opener) && new URLSearchParams(location.search).has(opener);
    for (let failures = 0; !words.send; failures += 1) {
      try {
        await loadWords(language);
      } catch {
        await pause(backoff(failures));
      }
    }
    sizeBox();
    placeOwns((own) => own.after === null);
    if (live) resend(({ state }) => state === 'sending');
    else log.setAttribute('aria-live', 'off');
    if (openWhenReady || asked) open();
    else if (store('sessionStorage', KEY) && !FULL_SCREEN.matches) open({ focus: false });
    else listen();
  };

  const CSS_TEXT = `
    :host { all: initial; }
    .root { --ink: #14252d; --soft: #4d616b; --line: #d7e0e4; --edge: #74868f; --paper: #fff; --wash: #f2f6f7; --accent: #0b6470; --on-accent: #fff;
      --alarm: #b3261e; --alarm-wash: #fdeceb; --alarm-ink: #5c120d; --calm: #4a3fa3; --calm-wash: #f0eefc; --calm-ink: #29225f; --warn: #8a5200; --warn-wash: #fff4df;
      --warn-ink: #4b2d00; --person: #226b43; --person-wash: #e7f4ec; color-scheme: light; color: var(--ink); font: medium/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
    @media (prefers-color-scheme: dark) { .root { --ink: #e7eff2; --soft: #a9bac2; --line: #33434b; --edge: #80929b; --paper: #131c21; --wash: #1c282e; --accent: #6fcbd3; --on-accent: #06272b;
      --alarm: #ff8f86; --alarm-wash: #43150f; --alarm-ink: #ffe8e5; --calm: #b9b1ff; --calm-wash: #272148; --calm-ink: #eceaff; --warn: #ffc36b; --warn-wash: #3a2a0d;
      --warn-ink: #ffedd0; --person: #7fd3a2; --person-wash: #14301f; color-scheme: dark; } }
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    p, h2, ul, ol { margin: 0; padding: 0; }
    button, textarea, select { font: inherit; color: inherit; }
    button { background: none; border: 0; border-radius: 10px; cursor: pointer; min-width: 24px; min-height: 24px; padding: 0; }
    svg { width: 22px; height: 22px; fill: currentColor; flex: none; display: block; }
    a { color: var(--accent); text-underline-offset: 2px; }
    :focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
    .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    .launcher { position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 2147483000; width: 60px; height: 60px; border-radius: 50%; background: var(--accent); color: var(--on-accent);
      display: grid; place-items: center; box-shadow: 0 2px 6px rgb(0 0 0 / .2), 0 8px 24px rgb(0 0 0 / .18); }
    .launcher:focus-visible { outline-color: var(--ink); box-shadow: 0 0 0 3px var(--paper); }
    .launcher svg { width: 28px; height: 28px; }
    .launcher.aside { opacity: .12; pointer-events: none; }
    .badge { position: absolute; inset-block-start: -2px; inset-inline-end: -2px; min-width: 22px; height: 22px; border-radius: 11px; background: #b3261e; color: #fff; font-size: .8em; line-height: 22px; font-weight: 600; }
    .panel { position: fixed; inset-block-end: 92px; inset-inline-end: 20px; z-index: 2147483000; width: min(400px, 100vw - 40px); height: min(680px, 100vh - 112px);
      display: flex; flex-direction: column; background: var(--paper); border: 1px solid var(--line); border-radius: 18px; overflow: hidden; box-shadow: 0 12px 48px rgb(10 30 40 / .22); }
    header { display: flex; align-items: center; gap: 4px; padding: 10px 8px 10px 18px; padding-inline: 18px 8px; background: var(--accent); color: var(--on-accent); }
    header h2 { flex: 1; min-width: 0; font-size: 1.06em; font-weight: 650; line-height: 1.3; outline-offset: 4px; }
    header button { width: 40px; height: 40px; display: grid; place-items: center; }
    header button:hover { background: rgb(255 255 255 / .14); }
    header :focus-visible { outline-color: currentColor; outline-offset: -2px; }
    .not-doctor { padding: 8px 18px; font-size: .86em; line-height: 1.4; color: var(--soft); background: var(--wash); border-block-end: 1px solid var(--line); }
    .not-doctor .tel { font-weight: 700; color: var(--alarm); }
    .strip { padding: 8px 18px; font-size: .88em; line-height: 1.4; }
    .case { background: var(--person-wash); border-block-end: 1px solid var(--line); }
    .offline { background: var(--warn-wash); color: var(--warn-ink); border-block-start: 1px solid var(--line); }
    .offline a { color: inherit; font-weight: 700; }
    .scroller { position: relative; flex: 1; min-height: 0; display: flex; }
    .log { flex: 1; overflow-y: auto; overscroll-behavior: contain; padding: 16px 16px 8px; display: flex; flex-direction: column; gap: 10px; }
    .log:focus-visible { outline-offset: -3px; }
    .log > :first-child { margin-block-start: auto; }
    .own { align-self: flex-end; max-width: 84%; display: flex; flex-direction: column; align-items: flex-end; margin-block-start: 6px; }
    .own .bubble { background: var(--accent); color: var(--on-accent); border-radius: 16px; border-end-end-radius: 4px; padding: 9px 14px; white-space: pre-wrap; overflow-wrap: anywhere; }
    .own.sending .bubble { opacity: .75; }
    .own.not_sent .bubble, .own.refused .bubble { background: none; color: var(--ink); border: 1.5px dashed var(--alarm); }
    .state { font-size: .8em; color: var(--soft); padding-block-start: 2px; }
    .not_sent .state, .refused .state { color: var(--alarm); }
    .state button { text-decoration: underline; font-weight: 650; padding: 2px 6px; min-height: 28px; }
    .reply { align-self: flex-start; max-width: 94%; min-width: min(60%, 200px); overflow-wrap: anywhere; color: var(--ink); background: var(--wash); border-radius: 16px; border-end-start-radius: 4px; padding: 9px 14px 11px; }
    .mark { display: flex; align-items: center; gap: 5px; font-size: .77em; font-weight: 600; color: var(--soft); padding-block-end: 2px; }
    .mark svg { width: 14px; height: 14px; }
    .body > * + * { margin-block-start: 7px; }
    ul { padding-inline-start: 1.15em; }
    li + li { margin-block-start: 5px; }
    .label { display: flex; align-items: center; gap: 7px; font-weight: 750; padding-block: 2px 5px; }
    .emergency, .crisis, .urgent { max-width: 100%; align-self: stretch; border: 1.5px solid; border-inline-start-width: 6px; border-radius: 12px; }
    .emergency { background: var(--alarm-wash); color: var(--alarm-ink); border-color: var(--alarm); font-size: 1.05em; }
    .emergency .label, .emergency a { color: var(--alarm); }
    .crisis { background: var(--calm-wash); color: var(--calm-ink); border-color: var(--calm); }
    .crisis .label, .crisis a { color: var(--calm); }
    .urgent { background: var(--warn-wash); color: var(--warn-ink); border-color: var(--warn); }
    .urgent .label, .urgent a { color: var(--warn); }
    :is(.emergency, .crisis, .urgent) .mark { color: inherit; }
    .tel { font-weight: 700; display: inline-block; min-height: 24px; unicode-bidi: isolate; }
    .call { margin-block-start: 10px; }
    .call a { display: flex; align-items: center; justify-content: center; gap: 9px; min-height: 48px; border-radius: 10px; background: var(--alarm); color: var(--alarm-wash); font-weight: 750; text-decoration: none; }
    .human { background: var(--person-wash); }
    .human .mark { color: var(--person); }
    .handoff { border: 1px solid var(--person); }
    .notice, .unavailable { background: none; border: 1px solid var(--line); }
    .cite { display: inline-grid; place-items: center; min-width: 24px; height: 24px; margin-inline-start: 4px; padding: 0 6px; border-radius: 12px; font-size: .76em; font-weight: 700; line-height: 1; color: var(--accent); border: 1px solid var(--edge); background: var(--paper); vertical-align: 1px; }
    .cite:hover, .quick:hover, .person:hover { background: var(--accent); color: var(--on-accent); border-color: var(--accent); }
    .sources { margin-block-start: 10px; border-block-start: 1px solid var(--line); padding-block-start: 6px; font-size: .9em; }
    summary { cursor: pointer; min-height: 28px; font-weight: 650; color: var(--accent); border-radius: 6px; }
    .sources ol { padding-inline-start: 1.6em; padding-block-start: 4px; }
    .sources li::marker { color: var(--soft); font-weight: 650; }
    .sources li:focus { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 4px; }
    .fine { font-size: .92em; color: var(--soft); line-height: 1.4; }
    .unreviewed { font-style: italic; }
    .quicks, .starters { display: flex; flex-wrap: wrap; gap: 8px; align-items: flex-start; }
    .starters { flex-direction: column; }
    .quick { min-height: 38px; padding: 6px 14px; border: 1.5px solid var(--accent); border-radius: 19px; color: var(--accent); font-weight: 600; font-size: .93em; line-height: 1.3; text-align: start; background: var(--paper); }
    .divider { align-self: stretch; text-align: center; font-size: .84em; color: var(--soft); border-block-start: 1px solid var(--line); padding-block-start: 8px; margin-block-start: 8px; }
    .jump { position: absolute; inset-block-end: 8px; inset-inline: 0; margin-inline: auto; width: max-content; padding: 5px 16px; min-height: 34px; border-radius: 17px; background: var(--ink); color: var(--paper); font-size: .86em; font-weight: 600; }
    .typing { min-height: 24px; padding: 0 20px 4px; font-size: .84em; color: var(--soft); display: flex; align-items: center; gap: 8px; }
    .dots { display: inline-flex; gap: 4px; }
    .dots i { width: 6px; height: 6px; border-radius: 50%; background: var(--soft); animation: beat 1.2s infinite; }
    .dots i:nth-child(2) { animation-delay: .15s; }
    .dots i:nth-child(3) { animation-delay: .3s; }
    @keyframes beat { 0%, 60%, 100% { opacity: .3; } 30% { opacity: 1; } }
    .composer { padding: 0 14px; }
    .field { display: flex; align-items: flex-end; gap: 4px; border: 1.5px solid var(--edge); border-radius: 16px; padding: 4px; background: var(--paper); }
    .field:focus-within { border-color: var(--accent); box-shadow: 0 0 0 1.5px var(--accent); }
    textarea { flex: 1; min-width: 0; resize: none; border: 0; outline: 0; background: none; padding: 7px 10px; min-height: 38px; max-height: 140px; line-height: 1.5; }
    textarea::placeholder { color: var(--soft); opacity: 1; }
    .send { width: 38px; height: 38px; border-radius: 12px; display: grid; place-items: center; background: var(--accent); color: var(--on-accent); }
    .send[aria-disabled="true"] { background: var(--wash); color: var(--soft); cursor: default; }
    [dir="rtl"] .send svg, [dir="rtl"] .exit svg { transform: scaleX(-1); }
    .foot { display: flex; align-items: center; justify-content: space-between; gap: 12px; padding: 8px 14px 12px; }
    .person { display: flex; align-items: center; gap: 7px; min-height: 34px; padding: 4px 14px 4px 10px; padding-inline: 10px 14px; border: 1px solid var(--edge); border-radius: 17px; font-size: .88em; font-weight: 600; color: var(--accent); }
    .person svg { width: 17px; height: 17px; }
    .count { font-size: .8em; color: var(--soft); text-align: end; line-height: 1.3; }
    .count.over { color: var(--alarm); font-weight: 600; }
    .menu { display: flex; flex-direction: column; gap: 2px; padding: 10px; background: var(--paper); border-block-end: 1px solid var(--line); }
    .menu .row { display: flex; align-items: center; justify-content: space-between; gap: 12px; padding: 4px 8px 8px; }
    .menu select { min-height: 38px; padding: 4px 8px; border: 1px solid var(--edge); border-radius: 8px; background: var(--paper); }
    .menu > button { display: flex; align-items: center; gap: 8px; min-height: 40px; padding: 4px 8px; text-align: start; border-radius: 8px; }
    .menu > button:hover { background: var(--wash); }
    .menu .exit { font-weight: 650; color: var(--alarm); }
    .confirm { padding: 8px; margin: 0 8px 4px; background: var(--wash); border-radius: 10px; font-size: .92em; }
    .confirm button { min-height: 38px; padding: 4px 14px; margin-block-start: 8px; margin-inline-end: 8px; border: 1px solid var(--edge); font-weight: 600; }
    .confirm .danger { background: var(--alarm); border-color: var(--alarm); color: var(--paper); }
    @media (max-width: 480px), (max-height: 480px) {
      .panel { inset: auto 0; inset-block-start: var(--top, 0); width: auto; height: var(--height, 100dvh); border: 0; border-radius: 0; }
      .open .launcher { display: none; }
      textarea { font-size: max(16px, 1em); }
    }
    @media (max-height: 420px) { .panel { overflow-y: auto; } .scroller { flex: 1 0 auto; } .log { min-height: 9em; overflow: visible; } .menu { flex: none; } }
    @media (prefers-reduced-motion: no-preference) { .panel { animation: rise .16s ease-out; } .log { scroll-behavior: smooth; } }
    @media (prefers-reduced-motion: reduce) { .dots i { animation: none; } }
    @keyframes rise { from { opacity: 0; transform: translateY(10px); } }
    @media (forced-colors: active) { .launcher, .reply, .own .bubble, .quick, .cite, .send, .person { border: 1px solid; } }
    @media print { .root { display: none; } }
  `;

  start();
})();
