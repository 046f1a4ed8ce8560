/*
 * The visit sheet. The ticket stands behind the # of the address, which no browser sends and no server logs; it is taken
 * off the address at once and travels in the body of a form.
 */
(() => {
'use strict';

document.getElementById('print')?.addEventListener('click', () => window.print());
const ticket = location.hash.slice(1);
if (!ticket) return;
history.replaceState(null, '', location.pathname);
const form = document.createElement('form');
form.method = 'post';
form.action = 'visit-sheet';
const field = document.createElement('input');
field.type = 'hidden';
field.name = 'ticket';
field.value = ticket;
form.append(field);
document.body.append(form);
form.submit();
})();
