// The page of the dashboard: connects the line to the server with the panels. The server sends views; everything shown follows
// from the newest view and from what the user has chosen.

import type { ProcessView } from '../../host-view';
import { formatDuration } from '../../quantities';
import { Bar } from './bar';
import { Channels, type FoundKey } from './channels';
import { Charts } from './charts';
import { askForToken, confirm, showKeys, showValue } from './dialogs';
import { card, el, say, set } from './elements';
import { Model } from './model';
import { Processes } from './processes';
import { ask, follow, keepToken, takeToken, type StreamEvents } from './stream';
import { Tiles } from './tiles';
import { Timeline } from './timeline';
import { shortened, Topology } from './topology';

const TOAST_MS = 6_000;
const TICK_MS = 1_000;
const KEYS = [
  ['/', 'search channels and keys'],
  ['Esc', 'ends a search, closes a dialog'],
  ['c', 'channels and keys'],
  ['p', 'processes'],
  ['t', 'time line'],
  ['↑ ↓', 'another channel, in the list of channels'],
  ['?', 'this help'],
] as const;

const model = new Model();
let permits = { canAct: false, canInspect: false };
let lost: { error: string; since: number } | undefined;

const main = document.getElementById('main')!;
const banner = document.getElementById('banner')!;
const toasts = document.getElementById('toasts')!;
const bar = new Bar(document.getElementById('bar')!, {
  onReload: () => void act('Reload every process?', 'Each is replaced by a new one; no request is lost.', 'Reload', 'reload', {}),
  onScale: (workers) =>
    void act(
      `Have ${workers} worker${workers === 1 ? '' : 's'} from now on?`,
      'A worker that goes finishes its requests first.',
      'Scale',
      'scale',
      { workers },
    ),
  onHelp: () => showKeys(KEYS),
});
const tiles = new Tiles();
const topology = new Topology();
const charts = new Charts();
const processes = new Processes(restart);
const timeline = new Timeline();
const channels = new Channels({
  onChoose: (channel) => {
    model.choose(model.idOf(channel));
    show();
  },
  onSearch: show,
  onInspect: inspect,
});
const shown = card('Channel', 'topology', topology.element);
const chosen = el('span', { class: 'count' });
shown.head.append(chosen);
const rates = card('Last minutes', 'rates', charts.element);
main.append(
  tiles.element,
  el('div', { class: 'grid two' }, shown.box, rates.box),
  el('div', { class: 'grid wide' }, processes.element, timeline.element),
  channels.element,
);

function show(): void {
  const { view, channel } = model;
  main.classList.toggle('stale', lost !== undefined);
  main.classList.toggle('waiting', view === undefined);
  bar.show(model, lost !== undefined, permits.canAct);
  say(chosen, channel ? shortened(model.idOf(channel), 48) : '');
  set(chosen, { title: channel?.channel });
  tiles.show(model);
  topology.show(model);
  processes.show(model, permits.canAct, lost !== undefined);
  timeline.show(model);
  channels.show(model, permits.canInspect);
  showLoss();
}

function showLoss(): void {
  banner.hidden = lost === undefined;
  if (!lost) return;
  const age = model.view ? ` What is shown is ${formatDuration(performance.now() - lost.since)} old.` : '';
  say(banner, `No data: ${lost.error}.${age} Trying again …`);
}

const events: StreamEvents = {
  onHello: ({ canAct, canInspect, history }) => {
    permits = { canAct, canInspect };
    model.remember(history);
  },
  onView: (view) => {
    lost = undefined;
    model.take(view);
    show();
    charts.show(model);
  },
  onLost: (error, view) => {
    if (view && !model.view) model.take(view);
    model.interrupt();
    lost = { error: error.replace(/\.$/, ''), since: lost?.since ?? performance.now() };
    show();
  },
  onTokenWanted: (wasWrong) => {
    void askForToken(wasWrong).then((token) => {
      keepToken(token);
      follow(events);
    });
  },
};

async function act(question: string, explanation: string, verb: string, name: string, body: object): Promise<void> {
  if (!(await confirm(question, explanation, verb))) return;
  const toast = tell(`${verb}: under way …`);
  try {
    const { done } = await ask(`api/actions/${name}`, body);
    finish(toast, `Done: ${String(done)}.`, 'good');
  } catch (error) {
    finish(toast, `${verb} failed: ${(error as Error).message}`, 'bad');
  }
}

function restart({ name, pid }: ProcessView): void {
  void act(`Restart ${name}?`, `Process ${pid ?? ''} stops and is started again. Other processes go on.`, 'Restart', 'restart', {
    process: name,
  });
}

function inspect({ channel, key }: FoundKey): void {
  const query = new URLSearchParams({ channel: channel.channel, key: key.key });
  if (channel.port !== undefined) query.set('port', String(channel.port));
  showValue(
    key.key,
    channel.channel,
    ask(`api/value?${query.toString()}`).then(({ value }) => value),
  );
}

function tell(text: string): HTMLElement {
  const toast = el('p', {}, text);
  toasts.append(toast);
  return toast;
}

function finish(toast: HTMLElement, text: string, tone: string): void {
  say(toast, text);
  set(toast, { class: tone });
  setTimeout(() => toast.remove(), TOAST_MS);
}

document.addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof HTMLInputElement;
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
  if (event.key === '?') showKeys(KEYS);
  else if (event.key === '/') channels.search.focus();
  else if (event.key === 'c') go(channels.element, 'button');
  else if (event.key === 'p') go(processes.element, '.scroll');
  else if (event.key === 't') go(timeline.element, '.scroll');
  else return;
  event.preventDefault();
});

function go(panel: HTMLElement, within: string): void {
  panel.scrollIntoView({ block: 'start', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
  panel.querySelector<HTMLElement>(within)?.focus({ preventScroll: true });
}

takeToken();
show();
follow(events);
setInterval(() => {
  showLoss();
  if (!lost && model.view) charts.show(model);
}, TICK_MS);
