/*
 * The Bedside chat widget: one script tag on any page.
 *   <script src="https://bedside.example/widget.js" data-language="en" data-country="US" data-title="Chat" defer></script>
 * data-language  else the page's, else the browser's; the patient's choice wins.  data-country  the emergency number.
 * data-title  the launcher's name until the words come.  data-open-on  a query parameter of the page that opens the chat.
 * data-exit  where "leave quickly" goes.  Elements of the page with data-bedside-open open the chat.
 *
 * localStorage keeps the conversation's id and token, the last event, the language and the patient's own messages.
 * Replies are not kept: after a reload the server sends them again, so what was erased there is gone here.
 */
(() => {
'use strict';

const script = document.currentScript || document.querySelector('script[src*="/widget.js"]');
if (!script || window.bedsideWidget) return;
window.bedsideWidget = true;

const given = script.dataset;
const BASE = new URL('.', script.src).href;
const KEY = `bedside:${BASE}`;
const MAX_CHARACTERS = 4000;
const SILENCE_MS = 45000; // the server pings more often; a longer silence is a dead connection
const REPLAY_QUIET_MS = 1500;
const ENDED = [401, 403, 404, 410];
const CALLABLE = ['emergency', 'crisis', 'urgent', 'handoff', 'refusal', 'unavailable'];
const FULL_SCREEN = matchMedia('(max-width: 480px), (max-height: 480px)');
const TOUCH = matchMedia('(pointer: coarse)');

// ---- kept on this device

const memory = {};
const store = (area, value) => {
	try {
		if (value === undefined) return window[area].getItem(KEY);
		window[area].setItem(KEY, value);
	} catch {
		// Storage can be forbidden; the chat then lives with the page.
		if (value === undefined) return memory[area];
		memory[area] = value;
	}
};
const kept = () => ({ own: [], ...JSON.parse(store('localStorage') || '{}') });
const keep = (change) => {
	const record = kept();
	change(record);
	store('localStorage', JSON.stringify(record));
};
const keepOwn = (own) =>
	keep(({ own: all }) => {
		const at = all.findIndex((other) => other.key === own.key);
		all[at < 0 ? all.length : at] = own;
	});

// ---- words, all from the server

let words = {};
let language = kept().language || given.language || document.documentElement.lang || navigator.language;
let emergencyNumber = '';
const labels = [];
const word = (name, values) => (words[name] || '').replace(/\{(\w+)\}/g, (_, key) => ({ emergency_number: emergencyNumber, ...values })[key] ?? '');
/** Keeps an element's attribute, or text, equal to a word when the language changes. */
const labelled = (element, name, attribute) => {
	labels.push(() => (attribute ? element.setAttribute(attribute, word(name)) : (element.textContent = word(name))));
	return element;
};
const loadWords = async (wanted) => {
	const response = await request(`words?${new URLSearchParams({ language: wanted, country: given.country || '' })}`);
	if (!response.ok) throw new Error(response.status);
	const loaded = await response.json();
	({ words, language } = loaded);
	emergencyNumber = loaded.emergency_number || '';
	root.dir = loaded.direction;
	root.lang = language;
	for (const paint of labels) paint();
	picker.replaceChildren(...loaded.languages.map(({ tag, name }) => h('option', { value: tag, lang: tag }, name)));
	picker.value = language;
	notDoctor.replaceChildren(...inline(word('not_a_doctor')));
	paintLauncher();
};

// ---- building blocks

/** Makes an element. Children are nodes or plain text, never markup: nothing that is said can become code. */
const h = (selector, attributes = {}, ...children) => {
	const [tag, ...classes] = selector.split('.');
	const element = document.createElement(tag);
	element.classList.add(...classes);
	if (tag === 'button') element.type = tag;
	for (const [name, value] of Object.entries(attributes)) {
		if (typeof value === 'function') on(element, name, value);
		else if (value) element.setAttribute(name, value === true ? '' : value);
	}
	element.append(...children.filter(Boolean));
	return element;
};
const icon = (path) => {
	const [svg, shape] = ['svg', 'path'].map((name) => document.createElementNS('http://www.w3.org/2000/svg', name));
	svg.setAttribute('viewBox', '0 0 24 24');
	svg.setAttribute('aria-hidden', 'true');
	shape.setAttribute('d', path);
	svg.append(shape);
	return svg;
};
const ICONS = {
	chat: 'M21 15a2 2 0 0 1-2 2H8l-5 4V5a2 2 0 0 1 2-2h14a2 2 0 0 1 2 2ZM8 8h8M8 12h5',
	close: 'm6 6 12 12M18 6 6 18',
	menu: 'M12 5h.01M12 12h.01M12 19h.01',
	send: 'M12 19V5m-6 6 6-6 6 6',
	person: 'M20 21a8 8 0 0 0-16 0M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Z',
	emergency: 'M12 3 2 20h20ZM12 10v4m0 3h.01',
	crisis: 'M12 20 4 12a5 5 0 0 1 8-6 5 5 0 0 1 8 6Z',
};

/** Whether digits are a number to call: the country's own or, in replies that name lines, a short or full number. */
const dialable = (digits, kind, after) => {
	if (digits === emergencyNumber) return true;
	if (!CALLABLE.includes(kind) || /^\s*(mg|ml|%|°|min)/i.test(after)) return false;
	return /^(\+?\d{7,15}|116\d{3}|0\d\d|9\d\d|11\d)$/.test(digits);
};
const tel = (number, selector, ...children) => h(selector, { href: `tel:${number.replace(/[^\d+]/g, '')}` }, ...children);
const link = (url, name) => (/^https?:\/\//i.test(url) ? h('a', { href: url, target: '_blank', rel: 'noopener noreferrer' }, name) : h('span', {}, name));

/** Turns plain text into nodes, with web addresses and telephone numbers as links. */
const inline = (text, kind) => {
	const nodes = [];
	const found = /(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])|(^|[^\w/.,:+-])(\+?\(?\d+\)?(?:[ .\u00a0-]\(?\d+\)?)*)(?![\w/:%])/g;
	let from = 0;
	for (const { 0: all, 1: url, 2: before = '', 3: piece, index } of text.matchAll(found)) {
		const next = index + all.length;
		if (!url && (/^\d{4}-\d\d-\d\d$/.test(piece) || !dialable(piece.replace(/[^\d+]/g, ''), kind, text.slice(next)))) continue;
		nodes.push(text.slice(from, index) + before, url ? link(url, url.replace(/^https?:\/\//, '')) : tel(piece, 'a.tel', h('bdi', {}, piece)));
		from = next;
	}
	return [...nodes, text.slice(from)];
};

/** Lays text out as paragraphs and lists; a cited sentence ends its own line with its marks, `ids` by end position. */
const layOut = (text, kind, ids = new Map(), markers) => {
	const blocks = [];
	let list = null;
	let from = 0;
	for (let at = 0; at <= text.length; at += 1) {
		if (!ids.has(at) && at < text.length && text[at] !== '\n') continue;
		const raw = text.slice(from, at).trim();
		const bare = raw.replace(/^[-•*–]\s+/, '');
		from = at;
		if (!raw && !ids.has(at)) continue;
		const line = h(bare === raw ? 'p' : 'li', {}, ...inline(bare, kind), ...(ids.has(at) ? markers(ids.get(at)) : []));
		if (bare === raw) list = null;
		else if (!list) blocks.push((list = h('ul')));
		if (list) list.append(line);
		else blocks.push(line);
	}
	return blocks;
};

let wake = () => {};
const pause = (ms) =>
	new Promise((resolve) => {
		wake = resolve;
		setTimeout(resolve, ms);
	});
/** Jitter: patients who lost the same server do not all come back at once. */
const backoff = (failures) => 250 + Math.random() * Math.min(30000, 500 * 2 ** failures);

// ---- the parts of the panel

const on = (target, type, run) => target.addEventListener(type, run);
const iconButton = (selector, name, click, more) => labelled(h(selector, { click, ...more }, icon(ICONS[name])), name, 'aria-label');
const textButton = (selector, name, click, glyph) => h(selector, { click }, glyph, labelled(h('span'), name));

const badge = h('span.badge', { 'aria-hidden': 'true' });
const launcher = h('button.launcher', { click: () => (isOpen ? close() : open()) });
const title = labelled(h('h2', { id: 'title', tabindex: '-1' }), 'title');
const picker = labelled(h('select', { change: () => changeLanguage(picker.value) }), 'language', 'aria-label');
const menuButton = iconButton('button', 'menu', () => showMenu(menu.hidden), { 'aria-controls': 'menu' });
const confirmErase = h(
	'div.confirm',
	{ role: 'group', 'aria-labelledby': 'erase' },
	labelled(h('p', { id: 'erase' }), 'erase_confirm'),
	textButton('button.danger', 'erase', () => clear()),
	textButton('button', 'keep', () => showMenu(false)),
);
const menu = h(
	'div.menu',
	{ id: 'menu' },
	textButton('button', 'delete_data', () => {
		showMenu(false);
		say('/delete', word('delete_data'));
	}),
	textButton('button', 'erase', () => {
		confirmErase.hidden = false;
		confirmErase.querySelector('button').focus();
	}),
	confirmErase,
	textButton('button.exit', 'quick_exit', () => {
		clear();
		if (given.exit) location.replace(given.exit);
	}),
);
const notDoctor = h('p.line', { id: 'line' });
const caseStrip = h('p.strip.case', { role: 'status' });
const log = labelled(h('div.log', { role: 'log', 'aria-live': 'polite', 'aria-relevant': 'additions', tabindex: '0' }), 'conversation', 'aria-label');
const jump = textButton('button.jump', 'new_message', () => scrollToEnd());
const typingRow = h('p.typing', { role: 'status' });
const offline = h('p.strip.offline', { role: 'status', hidden: true });
const box = labelled(h('textarea', { rows: '1', 'aria-describedby': 'count', dir: 'auto', enterkeyhint: 'send' }), 'placeholder', 'placeholder');
const sendButton = iconButton('button.send', 'send', () => {}, { type: 'submit' });
const count = h('span.count', { id: 'count' });
const composer = h('form', {}, h('div.field', {}, labelled(box, 'placeholder', 'aria-label'), sendButton));
const panel = h(
	'section.panel',
	{ role: 'dialog', 'aria-labelledby': 'title', 'aria-describedby': 'line', hidden: true },
	h('header', { role: 'none' }, title, picker, menuButton, iconButton('button', 'close', () => close())),
	menu,
	notDoctor,
	caseStrip,
	h('div.scroller', {}, log, jump),
	typingRow,
	offline,
	composer,
	h('div.foot', {}, textButton('button.person', 'person', () => say('person', word('person')), icon(ICONS.person)), count),
);
const announcer = h('p.unseen', { role: 'status' });
const root = h('div.root', {}, panel, launcher, announcer);
const host = h('div', { 'data-bedside': true });
const shadow = host.attachShadow({ mode: 'open' });

// ---- opening and closing

let isOpen = false;
let openWhenReady = false;
let unread = 0;

const paintLauncher = () => {
	const name = word(isOpen ? 'close' : 'open') || given.title || 'Chat';
	launcher.setAttribute('aria-label', unread ? `${name}. ${word('new_message')}: ${unread}` : name);
	launcher.setAttribute('aria-expanded', isOpen);
	badge.textContent = unread;
	badge.hidden = !unread;
	launcher.replaceChildren(icon(isOpen ? ICONS.close : ICONS.chat), badge);
};
const open = (focus = true) => {
	if (!words.send) {
		openWhenReady = true;
		wake();
		return;
	}
	isOpen = true;
	unread = 0;
	panel.hidden = false;
	root.classList.add('open');
	store('sessionStorage', 'open');
	fitScreen();
	paintLauncher();
	// On touch screens the keyboard would cover the words that say what this is.
	if (focus) (TOUCH.matches ? title : box).focus();
	scrollToEnd();
	listen();
	setTimeout(showStarters, 900);
};
const close = () => {
	const hadFocus = panel.contains(shadow.activeElement);
	isOpen = false;
	showMenu(false);
	panel.hidden = true;
	root.classList.remove('open');
	store('sessionStorage', '');
	paintLauncher();
	if (hadFocus) launcher.focus();
};
const showMenu = (show) => {
	const hadFocus = menu.contains(shadow.activeElement);
	menu.hidden = !show;
	confirmErase.hidden = true;
	menuButton.setAttribute('aria-expanded', show);
	if (show) menu.querySelector('button').focus();
	else if (hadFocus) menuButton.focus();
};
const fitScreen = () => {
	panel.setAttribute('aria-modal', FULL_SCREEN.matches);
	// On phones the keyboard shrinks only the visual viewport.
	const view = window.visualViewport;
	panel.style.setProperty('--height', `${view?.height ?? innerHeight}px`);
	panel.style.setProperty('--top', `${view?.offsetTop ?? 0}px`);
};
/** While the panel covers the screen, Tab stays in it. */
const keepFocusInside = (event) => {
	const stops = [...panel.querySelectorAll('button, a, select, textarea, summary, [tabindex="0"]')].filter((stop) => stop.offsetParent);
	const at = stops.indexOf(shadow.activeElement);
	if (event.shiftKey ? at > 0 : at >= 0 && at < stops.length - 1) return;
	event.preventDefault();
	stops[event.shiftKey ? stops.length - 1 : 0].focus();
};
on(document, 'keydown', (event) => {
	if (!isOpen || event.defaultPrevented) return;
	if (event.key === 'Escape') {
		event.preventDefault();
		if (menu.hidden) close();
		else showMenu(false);
	} else if (event.key === 'Tab' && FULL_SCREEN.matches) keepFocusInside(event);
});
on(document, 'focusin', ({ target }) => {
	// The page's focus must not lie hidden under the launcher.
	const [it, over] = [target, launcher].map((element) => element.getBoundingClientRect());
	const covered = it.left > over.left - 9 && it.right < over.right + 9 && it.top > over.top - 9 && it.bottom < over.bottom + 9;
	launcher.classList.toggle('aside', target !== host && covered);
});
on(document, 'click', (event) => {
	if (!event.target.closest?.('[data-bedside-open]')) return;
	event.preventDefault();
	open();
});

/** Takes the chat off the screen and this device: what was said up to a message that had it erased, else all of it. */
const clear = (upTo) => {
	keep((record) => {
		if (upTo) record.own.splice(0, live ? Infinity : 1 + record.own.findIndex(({ id }) => id === upTo));
		else Object.assign(record, { id: null, token: null, last: null, own: [] });
	});
	for (const shown of [seen, parts, owns]) shown.clear();
	log.replaceChildren();
	lastMessage = null;
	showCase({});
	showTyping(null);
	if (upTo) return;
	stopListening();
	lastId = replayUntil = null;
	box.value = '';
	close();
	launcher.focus();
};
const changeLanguage = async (tag) => {
	try {
		await loadWords(tag);
	} catch {
		picker.value = language;
		showOffline(true);
		return;
	}
	keep((record) => (record.language = tag));
	say(`language:${tag}`, picker.selectedOptions[0].textContent);
};

// ---- the log

const seen = new Set();
const parts = new Map();
const owns = new Map();
let lastMessage = null;
let anchor = null; // where the current turn begins
let held = -1; // the scroll position that we chose ourselves

const nearEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < 120;
const scrollToEnd = () => {
	log.scrollTop = log.scrollHeight;
	jump.hidden = true;
};
on(log, 'scroll', () => (jump.hidden ||= nearEnd()));
/** Changes the log and follows it, but never scrolls the beginning of the current turn out of sight. */
const follow = (change) => {
	const following = nearEnd() || Math.abs(log.scrollTop - held) < 40;
	log.querySelector('.starters')?.remove();
	change();
	if (!following) {
		jump.hidden = nearEnd();
		return;
	}
	const start = anchor && log.contains(anchor) ? anchor.offsetTop - 12 : Infinity;
	log.scrollTop = Math.max(log.scrollTop, Math.min(log.scrollHeight, start));
	held = log.scrollTop;
};
const quick = (name, click) => h('button.quick', { click }, name);
const showStarters = () => {
	if (log.childElementCount || !isOpen || !live) return;
	const questions = [1, 2, 3].map((n) => word(`starter_${n}`)).filter(Boolean);
	log.append(h('div.starters', {}, h('p', {}, word('hello')), ...questions.map((question) => quick(question, () => say(question)))));
};

const showOwn = (own) => {
	let element = owns.get(own.key);
	if (!element) {
		element = anchor = h('div');
		owns.set(own.key, element);
		for (const old of log.querySelectorAll('.quicks')) old.remove();
		follow(() => log.append(element));
		if (live) scrollToEnd();
	}
	const failed = own.state === 'not_sent' || own.state === 'refused';
	const status = own.state === 'sent' ? '' : (failed && own.refused) || word(own.state);
	const retry = own.state === 'not_sent' && h('button', { click: () => deliver(own) }, word('retry'));
	element.className = `own ${own.state}`;
	element.replaceChildren(
		h('p.bubble', { dir: 'auto' }, h('span.unseen', {}, `${word('you')}: `), own.shown),
		status && h('p.state', { role: failed && 'alert' }, status, ' ', retry),
	);
};
/** Puts the patient's own messages of an earlier visit back where they stood between the replies. */
const placeOwns = (isDue) => {
	for (const own of kept().own) if (!owns.has(own.key) && isDue(own)) showOwn(own);
};

const authorMark = ({ author, person_name: name }) => {
	const text = word(author);
	return h('p.mark', {}, author === 'human' && icon(ICONS.person), name ? `${name} · ${text}` : text);
};
const dated = (name, day) => word(name, { date: new Date(day).toLocaleDateString(language, { dateStyle: 'long', timeZone: 'UTC' }) });
const reviewMark = (day) => h('div.fine', {}, day ? dated('reviewed_on', day) : word('not_reviewed'));
const sourceList = (citations, passages = {}) => {
	const items = citations.map(({ id, title: name, url, publisher, reviewed_on: day }) => {
		const { text, written_on: written } = passages[id] || {};
		return h('li', { tabindex: '-1' }, text && h('q', {}, text), h('div', {}, link(url, name)), h('div.fine', {}, publisher, written && ` · ${dated('written_on', written)}`), reviewMark(day));
	});
	return h('details.sources', {}, h('summary', {}, `${word('sources')} (${citations.length})`), h('ol', {}, ...items));
};
const fillBody = (body, { text, kind, sentences = [], citations = [], help = [] }, sources) => {
	const ids = new Map();
	let urgent = -1;
	let from = 0;
	for (const [n, sentence] of (sources ? sentences : []).entries()) {
		const at = text.indexOf(sentence.text, from);
		if (at < 0) continue;
		from = at + sentence.text.length;
		if (n === help[0]) urgent = ids.size;
		ids.set(from, sentence.citations);
	}
	const show = (at) => {
		sources.open = true;
		sources.querySelectorAll('li')[at].focus();
	};
	const markers = (cited) =>
		[...new Set(cited)]
			.map((id) => citations.findIndex((citation) => citation.id === id))
			.filter((at) => at >= 0)
			.map((at) => h('button.cite', { 'aria-label': `${word('source')} ${at + 1}: ${citations[at].title}`, click: () => show(at) }, `${at + 1}`));
	body.replaceChildren(...layOut(text, kind, ids, markers));
	const cited = [...body.querySelectorAll('p, li')].filter((line) => line.querySelector('.cite'));
	cited[urgent]?.before(h('p.help', {}, word('get_help')));
};

const showMessage = (message) => {
	const { id, reply_to: to, kind, author, text, citations, quick_replies: choices, opens } = message;
	if (seen.has(id)) return;
	if (message.erased || /\.erased$/.test(id)) clear(to);
	seen.add(id);
	placeOwns((own) => own.id && own.id === to);
	const streamed = parts.get(to);
	parts.delete(to);
	const alarm = live && /^(emergency|crisis)$/.test(kind);
	const { bubble, body } = streamed || { bubble: h(alarm ? 'section' : 'article', { dir: 'auto', role: alarm && 'alert' }), body: h('div.body') };
	const sources = citations?.length && sourceList(citations, message.passages);
	if (sources && !message.sentences) sources.open = true; // the patient asked for them
	// Its sentences were read out as they came.
	if (streamed && kind === 'answer') body.setAttribute('aria-live', 'off');
	if (!to) anchor = bubble;
	follow(() => {
		bubble.className = `reply ${kind} ${author}`;
		bubble.lang = message.language;
		fillBody(body, message, sources);
		if (streamed && author === 'bot') bubble.append(sources || '');
		else {
			const label = ['emergency', 'crisis', 'urgent'].includes(kind) && h('p.label', {}, icon(ICONS[kind] || ICONS.emergency), word(kind));
			const call = kind === 'emergency' && emergencyNumber && text.includes(emergencyNumber);
			bubble.replaceChildren(authorMark(message), label || '', call ? tel(emergencyNumber, 'a.tel.call', word('call')) : '', body, sources || '');
		}
		if (kind === 'answer' && sources) sources.before(reviewMark(citations.every(({ reviewed_on: day }) => day) && citations[0].reviewed_on));
		if (!streamed) log.append(bubble);
		const overtaken = anchor && bubble.compareDocumentPosition(anchor) & Node.DOCUMENT_POSITION_FOLLOWING;
		if (!choices?.length || overtaken) return;
		// The person button always stands below.
		const offered = choices.filter(({ payload }) => kind !== 'answer' || payload !== 'person');
		const isNext = ({ payload }) => kind === 'answer' && payload.startsWith('topic:');
		const group = (name, shown, head) =>
			shown[0] &&
			h('div.quicks', { role: 'group', 'aria-label': word(name) }, head && h('p.fine', {}, word(name)), ...shown.map(({ title: label, payload }) => quick(label, () => (opens?.[payload] ? window.open(BASE + opens[payload]) : say(payload, label)))));
		bubble.after(...[group('choices', offered.filter((each) => !isNext(each))), group('related', offered.filter(isNext), true)].filter(Boolean));
	});
	lastMessage = id;
	placeOwns((own) => own.after === id);
	if (to === typingFor) showTyping(null);
	const spoken = [...picker.options].find(({ value }) => value === message.language && value !== language);
	// The panel speaks as the bot does, unless the patient chose a language.
	if (spoken && author !== 'human' && !kept().language) loadWords(spoken.value).catch(() => {});
	if (!live || isOpen) return;
	unread += 1;
	announcer.textContent = word('new_message');
	paintLauncher();
};
const showPart = ({ reply_to: to, index, text }) => {
	placeOwns((own) => own.id && own.id === to);
	if (!parts.has(to)) {
		const body = h('div.body');
		parts.set(to, { body, sentences: [], bubble: h('article.reply.answer', { lang: language, dir: 'auto' }, authorMark({ author: 'bot' }), body) });
	}
	const { body, sentences, bubble } = parts.get(to);
	if (sentences[index]) return;
	const lines = (sentences[index] = layOut(text, 'answer'));
	const later = sentences.slice(index + 1).find(Boolean);
	follow(() => {
		if (!bubble.isConnected) log.append(bubble);
		if (later) later[0].before(...lines);
		else body.append(...lines);
	});
	showTyping(null);
};

let typingTimer = 0;
let typingFor = null;
const showTyping = (messageId) => {
	clearTimeout(typingTimer);
	typingFor = messageId;
	const text = h('span', {}, word('typing'));
	typingRow.replaceChildren(...(messageId ? [h('i'), h('i'), h('i'), text] : []));
	if (!messageId) return;
	// After ten seconds people are told that it is still going on.
	typingTimer = setTimeout(() => (text.textContent = word('still_working')), 10000);
};
const showCase = ({ state, person_name: name }) => {
	const told = { waiting: 'case_waiting', claimed: name ? 'case_claimed_by' : 'case_claimed' }[state];
	caseStrip.hidden = !told;
	caseStrip.textContent = told ? word(told, { person_name: name }) : '';
};
const showRead = ({ reply_to: to }) => {
	for (const own of kept().own) {
		if (own.id !== to || own.state !== 'sent') continue;
		own.state = 'read';
		keepOwn(own);
		if (owns.has(own.key)) showOwn(own);
	}
};
const showOffline = (on, why) => {
	if (on !== offline.hidden && !why) return;
	offline.hidden = !on;
	offline.replaceChildren(...(on ? inline(why || word('offline')) : []));
};

// ---- sending

const request = (path, options) => fetch(`${BASE}web/${path}`, { credentials: 'omit', ...options });
const bearer = () => kept().token && { Authorization: `Bearer ${kept().token}` };
const post = (path, body) =>
	request(`conversations${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'Accept-Language': language, ...bearer() }, body: JSON.stringify(body) });
const refusalWords = async (response) => (await response.json().catch(() => null))?.error?.message || '';

let starting = null;
let fresh = null; // a new conversation that was never heard: another would not help
const startConversation = () => (starting ||= begin().finally(() => (starting = null)));
const begin = async () => {
	if (kept().id) return;
	const response = await post('', { language, country: given.country });
	if (!response.ok) throw Object.assign(new Error(response.status), { words: await refusalWords(response) });
	const { conversation_id: id, token } = await response.json();
	keep((record) => Object.assign(record, { id, token, last: null }));
	lastId = replayUntil = null;
	fresh = id;
	becomeLive();
};
/** Drops a conversation that the server no longer knows; another tab may have a new one already. */
const dropConversation = (id) => {
	if (kept().id !== id) return;
	keep((record) => {
		const own = record.own.filter(({ state }) => state === 'sending').map((unsent) => ({ ...unsent, after: null }));
		Object.assign(record, { id: null, token: null, last: null, own });
	});
	stopListening();
	parts.clear();
	lastMessage = null;
	showCase({});
	showTyping(null);
	if (lastId) follow(() => log.append(h('p.divider', {}, word('new_conversation'))));
};

const attempt = async (own) => {
	let renewed = false;
	for (let failures = 0; ; failures += 1) {
		try {
			await startConversation();
			const { id } = kept();
			const response = await post(`/${id}/messages`, { client_message_id: own.key, text: own.text });
			if (response.ok) return { state: 'sent', id: (await response.json()).message_id };
			if (ENDED.includes(response.status) && !renewed) {
				renewed = true;
				own.after = null;
				dropConversation(id);
				continue;
			}
			if (response.status < 500) return { state: [413, 422].includes(response.status) ? 'refused' : 'not_sent', refused: await refusalWords(response) };
		} catch (error) {
			if (error.words) return { state: 'not_sent', refused: error.words };
		}
		if (failures >= 3 || !navigator.onLine) return { state: 'not_sent' };
		await new Promise((resolve) => setTimeout(resolve, backoff(failures)));
	}
};
let queue = Promise.resolve();
const deliver = (own) => {
	Object.assign(own, { state: 'sending', refused: '' });
	keepOwn(own);
	showOwn(own);
	queue = queue.then(async () => {
		Object.assign(own, await attempt(own));
		if (!owns.has(own.key)) return; // erased meanwhile
		keepOwn(own);
		showOwn(own);
		if (own.state === 'refused' && !box.value) box.value = own.text;
		sizeBox();
		listen();
	});
};
/** Sends again what may not have arrived; the server knows what it has by its key. */
const resend = (isDue) => {
	for (const own of kept().own) if (isDue(own) && owns.has(own.key)) deliver(own);
};
// randomUUID exists on secure pages only, and an intranet may be plain http.
const newKey = () => crypto.randomUUID?.() || `${Date.now()}-${Math.random()}`;
const say = (text, shown = text) => {
	deliver({ key: newKey(), text, shown, id: null, after: lastMessage });
	if (!TOUCH.matches) box.focus();
};

const sizeBox = () => {
	box.style.height = 'auto';
	box.style.height = `${Math.min(box.scrollHeight, 140)}px`;
	const length = [...box.value.trim()].length;
	const over = length > MAX_CHARACTERS;
	const near = length > MAX_CHARACTERS - 500 ? `${length} / ${MAX_CHARACTERS}` : '';
	count.textContent = over ? word('too_long', { length, limit: MAX_CHARACTERS }) : near;
	if (count.classList.toggle('over', over)) announcer.textContent = count.textContent;
	box.setAttribute('aria-invalid', over);
	sendButton.setAttribute('aria-disabled', over || !length);
};
on(box, 'input', sizeBox);
on(box, 'keydown', (event) => {
	if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
	event.preventDefault();
	composer.requestSubmit();
});
on(composer, 'submit', (event) => {
	event.preventDefault();
	if (sendButton.getAttribute('aria-disabled') === 'true') return;
	const text = box.value.trim();
	box.value = '';
	sizeBox();
	say(text);
});

// ---- listening

let lastId = null;
let replayUntil = kept().last;
let live = !replayUntil; // false while the server repeats what was shown before a reload
let quietTimer = 0;
let stream = null;
let listening = false;

// Browsers allow few connections to a server; tabs that nobody looks at give theirs back.
const wanted = () => isOpen || (kept().id && document.visibilityState === 'visible');
const stopListening = () => stream?.abort();
const becomeLive = () => {
	if (live) return;
	live = true;
	placeOwns(() => true);
	log.setAttribute('aria-live', 'polite');
	resend(({ state }) => state === 'sending');
	scrollToEnd();
};
const awaitQuiet = () => {
	clearTimeout(quietTimer);
	quietTimer = setTimeout(becomeLive, REPLAY_QUIET_MS);
};
const HANDLERS = { message: showMessage, part: showPart, case: showCase, read: showRead, typing: ({ state, reply_to: to }) => showTyping(state === 'on' ? to : null) };
const dispatch = ({ event, data, id }) => {
	try {
		HANDLERS[event]?.(JSON.parse(data));
	} catch {
		console.error(`bedside: cannot show a ${event} event`); // without its text
	}
	if (!id) return;
	lastId = id;
	if (!live) awaitQuiet();
	if (live) keep((record) => (record.last = id));
	else if (id === replayUntil) becomeLive();
};
const readEvents = async (body, heard) => {
	const reader = body.pipeThrough(new TextDecoderStream()).getReader();
	let buffer = '';
	let fields = {};
	for (;;) {
		const { done, value } = await reader.read();
		if (done) return;
		heard();
		const lines = (buffer + value).split(/\r\n|\n|\r(?!$)/);
		buffer = lines.pop();
		for (const line of lines) {
			const [, name, content] = /^([^:]*):? ?(.*)$/.exec(line);
			if (name === 'data' && 'data' in fields) fields.data += `\n${content}`;
			else if (name) fields[name] = content;
			else if (!line) {
				if ('data' in fields) dispatch({ event: 'message', ...fields });
				fields = {};
			}
		}
	}
};
const listen = async () => {
	if (listening) return;
	listening = true;
	for (let failures = 0; wanted(); failures += 1) {
		let watchdog = 0;
		const heard = () => {
			clearTimeout(watchdog);
			watchdog = setTimeout(stopListening, SILENCE_MS);
		};
		try {
			await startConversation();
			const { id } = kept();
			stream = new AbortController();
			heard();
			const headers = { Accept: 'text/event-stream', ...bearer(), ...(lastId && { 'Last-Event-ID': lastId }) };
			const response = await request(`conversations/${id}/events`, { cache: 'no-store', signal: stream.signal, headers });
			if (ENDED.includes(response.status) && id !== fresh) dropConversation(id);
			if (response.ok) {
				fresh = null;
				showOffline(false);
				awaitQuiet();
				await readEvents(response.body, () => {
					failures = 0;
					heard();
				});
			}
		} catch ({ words: why }) {
			// A lost connection is ordinary: the loop comes back for what it missed.
			if (why) showOffline(true, why);
		}
		clearTimeout(watchdog);
		clearTimeout(quietTimer);
		if (!wanted()) break;
		if (failures > 0 || !navigator.onLine) showOffline(true);
		await pause(backoff(failures));
	}
	listening = false;
};

on(window, 'online', () => {
	wake();
	resend(({ state, refused }) => state === 'not_sent' && !refused);
	listen();
});
on(window, 'offline', () => showOffline(true));
on(document, 'visibilitychange', () => {
	if (!wanted()) stopListening();
	wake();
	listen();
});
on(window, 'storage', ({ key }) => {
	// Another tab erased the chat, or wrote something.
	if (key !== KEY) return;
	if (!kept().id && owns.size) clear();
	else if (live) placeOwns(() => true);
});

// ---- start

const start = async () => {
	try {
		const sheet = new CSSStyleSheet();
		sheet.replaceSync(CSS_TEXT);
		shadow.adoptedStyleSheets = [sheet];
	} catch {
		shadow.append(h('style', {}, CSS_TEXT)); // browsers before 2023
	}
	paintLauncher();
	jump.hidden = true;
	showMenu(false);
	showCase({});
	shadow.append(root);
	document.body.append(host);
	on(FULL_SCREEN, 'change', fitScreen);
	if (window.visualViewport) on(visualViewport, 'resize', fitScreen);
	for (let failures = 0; !words.send; failures += 1) await loadWords(language).catch(() => pause(backoff(failures)));
	placeOwns((own) => own.after === null);
	if (live) resend(({ state }) => state === 'sending');
	else log.setAttribute('aria-live', 'off');
	if (openWhenReady || (given.openOn && new URLSearchParams(location.search).has(given.openOn))) open();
	else if (store('sessionStorage') && !FULL_SCREEN.matches) open(false);
	else listen();
	sizeBox();
};

const CSS_TEXT = `
:host{all:initial}
.root{--i:#14252d;--s:#4d616b;--l:#d7e0e4;--e:#74868f;--p:#fff;--w:#f2f6f7;--a:#0b6470;--f:#0b6470;--on:#fff;--r:#b3261e;--rw:#fdeceb;--b:#4a3fa3;--bw:#f0eefc;--y:#8a5200;--aw:#fff4df;--g:#226b43;--gw:#e7f4ec;color-scheme:light;color:var(--i);font:medium/1.5 system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif}
@media (prefers-color-scheme:dark){.root{--i:#e7eff2;--s:#a9bac2;--l:#33434b;--e:#80929b;--p:#131c21;--w:#1c282e;--a:#6fcbd3;--f:#14727f;--r:#ff8f86;--rw:#43150f;--b:#b9b1ff;--bw:#272148;--y:#ffc36b;--aw:#3a2a0d;--g:#7fd3a2;--gw:#14301f;color-scheme:dark}}
*{box-sizing:border-box}
[hidden]{display:none !important}
p,h2,ul,ol{margin:0;padding:0}
button,textarea,select{font:inherit;color:inherit}
button{background:none;border:0;border-radius:10px;cursor:pointer;min-width:24px;min-height:28px;padding:0}
svg{width:22px;height:22px;fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round;stroke-linejoin:round;flex:none;display:block}
a{color:var(--a)}
:focus-visible{outline:3px solid var(--a);outline-offset:2px}
.panel,header,.scroller,.log,.own,.mark,.label,.reply .call,.quicks,.starters,.typing,.field,.foot,.person{display:flex}
header,.mark,.label,.reply .call,.typing,.foot,.person{align-items:center}
.panel,.log,.own,.starters{flex-direction:column}
.launcher,header button,.send{display:grid;place-items:center}
.mark,.quick,.jump,.person,.cite,.tel,.line a,summary,.label,.over,.state button,.menu .exit,.confirm button{font-weight:650}
.launcher,header,.own .bubble,.send{background:var(--f);color:var(--on)}
.state,.count,.fine,.typing,.mark,.divider{color:var(--s)}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.launcher,.panel{position:fixed;inset-inline-end:20px;inset-block-end:20px;z-index:2147483000}
.launcher{width:60px;height:60px;border-radius:50%;box-shadow:0 4px 20px #0005}
.launcher svg{width:28px;height:28px}
.launcher.aside{opacity:.1;pointer-events:none}
.badge{position:absolute;inset-block-start:-2px;inset-inline-end:-2px;min-width:22px;border-radius:11px;background:#b3261e;color:#fff;font-size:.8em;line-height:22px}
.panel{inset-block-end:92px;width:min(400px,100vw - 40px);height:min(700px,100vh - 112px);background:var(--p);border:1px solid var(--l);border-radius:18px;overflow:hidden;box-shadow:0 12px 48px #0a1e2838}
header{gap:2px;padding-block:10px;padding-inline:18px 8px}
h2{flex:1;min-width:0;font-size:1.06em;line-height:1.3}
header button{width:40px;height:40px}
header svg{stroke-width:2.6}
header select{max-width:7.5em;height:34px;padding-inline:6px;border:1px solid;border-radius:8px;background:none;font-size:.88em}
option{color:var(--i);background:var(--p)}
header :focus-visible{outline-color:currentColor;outline-offset:0}
.line,.strip{padding:8px 18px;font-size:.87em;line-height:1.4;color:var(--s);background:var(--w);border-block-end:1px solid var(--l)}
.line a{color:var(--r)}
.case{background:var(--gw);color:var(--i)}
.offline{background:var(--aw);border-block-start:1px solid var(--l)}
.scroller{position:relative;flex:1;min-height:0}
.log{flex:1;overflow-y:auto;overscroll-behavior:contain;padding:16px 16px 8px;gap:10px}
.log:focus-visible{outline-offset:-3px}
.log>:first-child{margin-block-start:auto}
.own{align-self:flex-end;max-width:84%;align-items:flex-end;margin-block-start:6px}
.own .bubble{border-radius:16px;border-end-end-radius:4px;padding:9px 14px;white-space:pre-wrap;overflow-wrap:anywhere}
.sending .bubble{opacity:.75}
:is(.not_sent,.refused) .bubble{background:none;color:var(--i);outline:1.5px dashed var(--r)}
.state{font-size:.82em;padding-block-start:3px}
:is(.not_sent,.refused) .state{color:var(--r)}
.state button{text-decoration:underline;padding:0 6px}
.reply{align-self:flex-start;max-width:95%;min-width:200px;overflow-wrap:anywhere;color:var(--i);background:var(--w);border:1px solid transparent;border-radius:16px;border-end-start-radius:4px;padding:8px 14px 11px}
.mark{gap:5px;font-size:.78em;padding-block-end:2px}
.mark svg{width:14px;height:14px}
.body>* + *{margin-block-start:7px}
ul{padding-inline-start:1.15em}
li + li{margin-block-start:5px}
.emergency,.crisis,.urgent{align-self:stretch;max-width:100%;border:1.5px solid var(--k);border-inline-start-width:6px;border-radius:12px}
.emergency{--k:var(--r);background:var(--rw);font-size:1.05em}
.crisis{--k:var(--b);background:var(--bw)}
.urgent{--k:var(--y);background:var(--aw)}
.label{gap:7px;padding-block:2px 5px}
.label,:is(.emergency,.crisis,.urgent) a{color:var(--k)}
.tel{display:inline-block;min-height:24px}
.reply .call{justify-content:center;gap:9px;min-height:48px;margin-block:4px 8px;border-radius:10px;background:var(--r);color:var(--rw);text-decoration:none}
.human{background:var(--gw)}
.human .mark{color:var(--g)}
.handoff{border-color:var(--g)}
.notice,.unavailable{background:none;border-color:var(--l)}
.cite{display:inline-grid;place-items:center;min-height:24px;margin-inline-start:4px;padding:0 7px;border-radius:12px;font-size:.76em;line-height:1;color:var(--a);border:1px solid var(--e);background:var(--p);vertical-align:1px}
@media (hover:hover){:is(.cite,.quick,.person):hover{background:var(--f);color:var(--on)}.menu>button:hover{background:var(--w)}}
.sources{margin-block-start:10px;border-block-start:1px solid var(--l);padding-block-start:6px;font-size:.9em}
summary{cursor:pointer;min-height:28px;color:var(--a)}
ol{margin-top:4px;padding-inline-start:1.6em}
li:focus{outline:2px solid var(--a);outline-offset:3px}
.fine{font-size:.92em;line-height:1.4}
.quicks .fine{width:100%}
.help{color:var(--r);font-weight:650}
.quicks,.starters{flex-wrap:wrap;gap:8px}
.starters{align-items:flex-start}
.quick{min-height:38px;padding:6px 14px;border:1.5px solid var(--a);border-radius:19px;color:var(--a);font-size:.93em;line-height:1.3;text-align:start}
.divider{text-align:center;font-size:.84em;border-block-start:1px solid var(--l);padding-block-start:8px}
.jump{position:absolute;inset-block-end:8px;inset-inline:0;margin-inline:auto;width:max-content;padding:5px 16px;border-radius:17px;background:var(--i);color:var(--p);font-size:.86em}
.typing{min-height:24px;padding:0 20px 4px;font-size:.84em;gap:4px}
i{width:6px;height:6px;border-radius:50%;background:var(--s)}
.field{align-items:flex-end;gap:4px;margin-inline:14px;border:1.5px solid var(--e);border-radius:16px;padding:4px}
.field:focus-within{border-color:var(--a);box-shadow:0 0 0 1.5px var(--a)}
.field textarea{flex:1;min-width:0;resize:none;border:0;outline:0;background:none;padding:7px 10px;min-height:38px}
textarea::placeholder{color:var(--s);opacity:1}
.send{width:38px;height:38px;border-radius:12px}
.send[aria-disabled="true"]{background:var(--w);color:var(--s)}
.foot{justify-content:space-between;gap:12px;padding:8px 14px 12px}
.person{gap:7px;min-height:34px;padding-inline:10px 14px;border:1px solid var(--e);border-radius:17px;font-size:.88em;color:var(--a)}
.person svg{width:17px;height:17px}
.count{font-size:.82em;text-align:end;line-height:1.3}
.over{color:var(--r)}
.menu{padding:8px;border-block-end:1px solid var(--l)}
.menu>button{display:block;width:100%;min-height:40px;padding:4px 10px;text-align:start}
.menu .exit{color:var(--r)}
.confirm{padding:10px;background:var(--w);border-radius:10px;font-size:.92em}
.confirm button{min-height:38px;padding:4px 14px;margin-block-start:8px;margin-inline-end:8px;border:1px solid var(--e)}
.confirm .danger{background:var(--r);color:var(--p)}
@media (max-width:480px),(max-height:480px){.panel{inset:auto 0;inset-block-start:var(--top,0);width:auto;height:var(--height,100dvh);border:0;border-radius:0}.open .launcher{display:none}textarea{font-size:max(16px,1em)}}
@media (max-height:420px){.panel{overflow-y:auto}.scroller{flex:none}.log{min-height:9em;overflow:visible}}
@media (prefers-reduced-motion:no-preference){i{animation:beat 1.2s infinite}i + i{animation-delay:.15s}i + i + i{animation-delay:.3s}}
@keyframes beat{30%{opacity:.25}}
@media print{.root{display:none}}
`;
start();
})();
