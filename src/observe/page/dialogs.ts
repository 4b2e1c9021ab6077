// Dialogs: questions before an action, the token, a value, the keys of the keyboard.

import { button, el } from './elements';

/** @returns whether the user wants it */
export function confirm(question: string, explanation: string, verb: string): Promise<boolean> {
  const go = button(verb, () => dialog.close('yes'), { class: 'primary' });
  const dialog = open(question, el('p', {}, explanation), [button('Cancel', () => dialog.close('')), go]);
  go.focus();
  return new Promise((resolve) => dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes')));
}

/** @returns the token that the user has entered */
export function askForToken(wasWrong: boolean): Promise<string> {
  const input = el('input', { type: 'password', id: 'token', autocomplete: 'off', required: true });
  const form = el(
    'form',
    { method: 'dialog' },
    el(
      'label',
      { for: 'token' },
      wasWrong ? 'This token is wrong. The token of the dashboard:' : 'The token with which the dashboard was started:',
    ),
    input,
    el('p', { class: 'minor' }, 'It is kept in this tab only.'),
  );
  const dialog = open('This dashboard needs a token', form, [
    button('Show the host', () => form.requestSubmit(), { class: 'primary' }),
  ]);
  input.focus();
  return new Promise((resolve) => {
    dialog.addEventListener('cancel', (event) => event.preventDefault()); // nothing is behind it
    form.addEventListener('submit', () => resolve(input.value.trim()));
  });
}

export function showValue(key: string, channel: string, value: Promise<unknown>): void {
  const text = el('pre', { tabindex: 0 }, 'reading …');
  const dialog = open(
    'Last value',
    el('div', {}, el('p', { class: 'key' }, key), el('p', { class: 'minor' }, `of ${channel}`), text),
    [button('Close', () => dialog.close(), { class: 'primary' })],
  );
  dialog.classList.add('wide');
  value.then(
    (given) => (text.textContent = typeof given === 'string' ? given : JSON.stringify(given, null, 2)),
    (error: Error) => (text.textContent = error.message),
  );
}

export function showKeys(keys: readonly (readonly [key: string, meaning: string])[]): void {
  const rows = keys.flatMap(([key, meaning]) => [el('dt', {}, el('kbd', {}, key)), el('dd', {}, meaning)]);
  const dialog = open('By keyboard', el('dl', { class: 'keys' }, ...rows), [
    button('Close', () => dialog.close(), { class: 'primary' }),
  ]);
}

function open(title: string, content: HTMLElement, buttons: readonly HTMLButtonElement[]): HTMLDialogElement {
  const dialog = el(
    'dialog',
    { 'aria-labelledby': 'dialog-title' },
    el('h2', { id: 'dialog-title' }, title),
    content,
    el('div', { class: 'buttons' }, ...buttons),
  );
  document.body.append(dialog);
  dialog.addEventListener('close', () => dialog.remove());
  dialog.showModal();
  return dialog;
}
