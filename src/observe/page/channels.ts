// Channels with their keys and followers, and the search in both.

import { fleetText } from '../../view/fleet-text';
import { channelId } from '../../view/host-rates';
import type { ChannelView, FollowerView, KeyView } from '../../host-view';
import { formatBytes, formatCount, formatDuration, formatLatency, formatRate, plural } from '../../quantities';
import { button, card, Children, el, say, set, type Part } from './elements';
import type { Model } from './model';
import { stateOf } from './topology';

/** More rows than this are not drawn; a search finds the others. */
const MAX_ROWS = 200;

export interface FoundKey {
  readonly channel: ChannelView;
  readonly key: KeyView;
}

export interface ChannelEvents {
  onChoose(channel: ChannelView): void;
  onSearch(): void;
  onInspect(found: FoundKey): void;
}

type Tab = 'keys' | 'followers';

export class Channels {
  readonly element: HTMLElement;
  readonly search = el('input', {
    type: 'search',
    placeholder: 'Search channels and keys  ( / )',
    'aria-label': 'Search channels and keys',
    autocomplete: 'off',
    spellcheck: 'false',
  });
  readonly #list: Children<ChannelView>;
  readonly #listBox = el('ul', { class: 'channel-list', 'aria-label': 'Channels' });
  readonly #facts = el('dl', { class: 'facts' });
  readonly #tabs: Record<Tab, HTMLButtonElement>;
  readonly #keyRows: Children<FoundKey>;
  readonly #followerRows: Children<FollowerView>;
  readonly #keyTable: HTMLElement;
  readonly #followerTable: HTMLElement;
  readonly #note = el('p', { class: 'empty' });
  readonly #events: ChannelEvents;
  #tab: Tab = 'keys';
  #model: Model | undefined;
  #canInspect = false;

  constructor(events: ChannelEvents) {
    this.#events = events;
    const keyBody = el('tbody');
    const followerBody = el('tbody');
    this.#keyTable = el('table', { class: 'cards' }, headOf(['Key', 'Channel'], ['Values', 'Age', 'Subscribers']), keyBody);
    this.#followerTable = el(
      'table',
      { class: 'cards' },
      headOf(['Process', 'State'], ['Waiting', 'Behind', 'Skipped', 'Last heard']),
      followerBody,
    );
    this.#tabs = {
      keys: button('Keys', () => this.#choose('keys'), { role: 'tab', id: 'tab-keys', 'aria-controls': 'channel-panel' }),
      followers: button('Followers', () => this.#choose('followers'), {
        role: 'tab',
        id: 'tab-followers',
        'aria-controls': 'channel-panel',
      }),
    };
    const tabs = el(
      'div',
      { class: 'tabs', role: 'tablist', 'aria-label': 'Of the channel' },
      this.#tabs.keys,
      this.#tabs.followers,
    );
    tabs.addEventListener('keydown', (event) => {
      if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return;
      this.#choose(this.#tab === 'keys' ? 'followers' : 'keys');
      this.#tabs[this.#tab].focus();
    });
    const panel = el(
      'div',
      { class: 'scroll', id: 'channel-panel', role: 'tabpanel', tabindex: 0 },
      this.#keyTable,
      this.#followerTable,
      this.#note,
    );
    const detail = el('div', { class: 'channel-detail' }, this.#facts, tabs, panel);
    const { box, head } = card('Channels and keys', 'channels', el('div', { class: 'split' }, this.#listBox, detail));
    head.append(this.search);
    this.element = box;
    this.search.addEventListener('input', () => {
      if (this.query !== '') this.#tab = 'keys';
      events.onSearch();
    });
    this.search.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      this.search.value = '';
      events.onSearch();
    });
    this.#list = new Children<ChannelView>(this.#listBox, channelId, (channel) => this.#channelPart(channel));
    this.#keyRows = new Children(
      keyBody,
      ({ channel, key }) => `${channelId(channel)}\n${key.key}`,
      (found) => this.#keyRow(found),
    );
    this.#followerRows = new Children(
      followerBody,
      ({ pid }) => String(pid),
      () => this.#followerRow(),
    );
    this.#listBox.addEventListener('keydown', (event) => this.#onListKey(event));
  }

  get query(): string {
    return this.search.value.trim().toLowerCase();
  }

  show(model: Model, canInspect: boolean): void {
    this.#model = model;
    this.#canInspect = canInspect;
    const all = model.view?.channels ?? [];
    const { query } = this;
    const has = (text: string): boolean => text.toLowerCase().includes(query);
    const found = all.flatMap((channel) => channel.keys.filter(({ key }) => has(key)).map((key) => ({ channel, key })));
    const channels =
      query === '' ? all : all.filter((channel) => has(channel.channel) || found.some((each) => each.channel === channel));
    this.#list.show(channels);
    const { channel } = model;
    const rows = query === '' ? (channel?.keys.map((key) => ({ channel, key })) ?? []) : found;
    this.#showTabs(channel, query === '' ? undefined : found.length);
    this.#showFacts(channel);
    this.#keyTable.classList.toggle('one-channel', query === '');
    this.#keyTable.hidden = this.#tab !== 'keys' || rows.length === 0;
    this.#followerTable.hidden = this.#tab !== 'followers' || !channel || channel.followers.length === 0;
    this.#keyRows.show(this.#keyTable.hidden ? [] : rows.slice(0, MAX_ROWS));
    this.#followerRows.show(this.#followerTable.hidden ? [] : channel!.followers);
    const unshown = query === '' ? (channel?.keyCount ?? 0) - Math.min(rows.length, MAX_ROWS) : rows.length - MAX_ROWS;
    say(this.#note, this.#noteText(channel, rows.length, unshown));
  }

  #noteText(channel: ChannelView | undefined, rows: number, unshown: number): string {
    if (this.#tab === 'followers') return channel?.followers.length ? '' : 'No process follows.';
    if (this.query !== '' && rows === 0) return `No key contains “${this.search.value.trim()}”.`;
    if (!channel) return 'No process uses a shared client yet.';
    if (rows === 0)
      return channel.keyCount === 0 ? 'No key is subscribed.' : `${plural(channel.keyCount, 'key')}, not listed here.`;
    return unshown > 0 ? `… and ${plural(unshown, 'more key')}; search to find one.` : '';
  }

  #choose(tab: Tab): void {
    this.#tab = tab;
    if (this.#model) this.show(this.#model, this.#canInspect);
  }

  #showTabs(channel: ChannelView | undefined, found: number | undefined): void {
    say(
      this.#tabs.keys,
      found === undefined ? `Keys ${formatCount(channel?.keyCount ?? 0)}` : `Keys found ${formatCount(found)}`,
    );
    say(this.#tabs.followers, `Followers ${formatCount(channel?.followers.length ?? 0)}`);
    for (const [name, tab] of Object.entries(this.#tabs)) {
      set(tab, { 'aria-selected': String(name === this.#tab), tabindex: name === this.#tab ? 0 : -1 });
    }
    this.element.querySelector('#channel-panel')!.setAttribute('aria-labelledby', `tab-${this.#tab}`);
  }

  #showFacts(channel: ChannelView | undefined): void {
    const facts = channel ? factsOf(channel, this.#model!) : [];
    const texts = JSON.stringify(facts);
    if (this.#facts.dataset.texts === texts) return;
    this.#facts.dataset.texts = texts;
    this.#facts.replaceChildren(
      ...facts.map(([name, text, tone]) => el('div', { class: tone }, el('dt', {}, name), el('dd', {}, text))),
    );
  }

  #channelPart(first: ChannelView): Part<ChannelView> {
    let now = first;
    const dot = el('i', { class: 'dot' });
    const name = el('span', { class: 'channel-name', title: first.channel }, first.channel);
    const figures = el('span', { class: 'minor' });
    const choose = button('', () => this.#events.onChoose(now));
    choose.append(dot, name, figures);
    return {
      element: el('li', {}, choose),
      update: (channel) => {
        now = channel;
        set(choose, { 'aria-current': channel === this.#model!.channel ? 'true' : undefined });
        set(dot, { class: `dot ${toneOf(channel)}` });
        const { callsPerS, valuesPerS } = this.#model!.rateOfChannel(channel);
        const isOneOfMany = new Set(this.#model!.view?.channels.map(({ port }) => port)).size > 1;
        const port = channel.port === undefined || !isOneOfMany ? '' : `port ${channel.port} · `;
        say(figures, `${port}${plural(channel.followers.length, 'follower')} · ${formatRate(callsPerS + valuesPerS)}/s`);
      },
    };
  }

  #keyRow(first: FoundKey): Part<FoundKey> {
    let now = first;
    const text = el('span', { class: 'key', title: first.key.key }, first.key.key);
    const open = button('', () => this.#events.onInspect(now), { class: 'link' });
    const cell = el('th', { scope: 'row' });
    const [channel, version, age, subscribers] = [
      el('td', { 'data-label': 'Channel' }, first.channel.channel),
      ...['Values', 'Age', 'Subscribers'].map(number),
    ] as HTMLElement[];
    return {
      element: el('tr', {}, cell, channel!, version!, age!, subscribers!),
      update: (found) => {
        now = found;
        const wanted = this.#canInspect ? open : text;
        if (cell.firstChild !== wanted) {
          if (this.#canInspect) open.append(text);
          cell.replaceChildren(wanted);
        }
        const { key } = found;
        const waited = this.#model!.now - (this.#model!.view?.at ?? this.#model!.now);
        say(version!, formatCount(key.version));
        say(age!, key.ageMs === undefined ? 'no value yet' : formatDuration(key.ageMs + waited));
        say(subscribers!, formatCount(key.subscribers));
      },
    };
  }

  #followerRow(): Part<FollowerView> {
    const name = el('th', { scope: 'row' });
    const state = el('span');
    const cells = ['Waiting', 'Behind', 'Skipped', 'Last heard'].map(number);
    return {
      element: el('tr', {}, name, el('td', { 'data-label': 'State' }, state), ...cells),
      update: (follower) => {
        const { pid, outboxBytes, lagMs, skippedValues, lastHeardMs } = follower;
        const known = this.#model!.nameOf(pid);
        say(name, known.startsWith('pid') ? known : `${known} · ${pid}`);
        const standing = stateOf(follower);
        say(state, standing === 'fine' ? 'up to date' : standing === 'behind' ? 'behind' : 'behind, newest only');
        set(state, { class: `state ${standing === 'fine' ? 'good' : 'warn'}` });
        const texts = [
          formatBytes(outboxBytes),
          outboxBytes === 0 ? '–' : formatLatency(lagMs),
          formatCount(skippedValues),
          lastHeardMs === undefined ? '–' : `${formatDuration(lastHeardMs)} ago`,
        ];
        cells.forEach((cell, i) => say(cell, texts[i]!));
      },
    };
  }

  #onListKey(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const buttons = [...this.#listBox.querySelectorAll('button')];
    const next = buttons[buttons.indexOf(document.activeElement as HTMLButtonElement) + step];
    next?.focus();
    next?.click();
  }
}

function headOf(texts: readonly string[], numbers: readonly string[]): HTMLElement {
  const cells = [
    ...texts.map((name) => el('th', { scope: 'col' }, name)),
    ...numbers.map((name) => el('th', { scope: 'col', class: 'number' }, name)),
  ];
  return el('thead', {}, el('tr', {}, ...cells));
}

function number(label: string): HTMLTableCellElement {
  return el('td', { class: 'number', 'data-label': label });
}

function toneOf({ leaderPid, upstream }: ChannelView): string {
  if (leaderPid === undefined) return 'bad';
  return { ok: 'good', degraded: 'bad', connecting: 'warn', unknown: 'muted' }[upstream.state];
}

type Fact = readonly [name: string, text: string, tone?: string];

function factsOf(channel: ChannelView, model: Model): Fact[] {
  const { leaderPid, term, upstream, fleet, lastFailover, publications, valuesFromUpstream, skippedValues } = channel;
  const since = upstream.since === undefined ? '' : ` since ${new Date(upstream.since).toLocaleTimeString('en-GB')}`;
  const error = upstream.error === undefined ? '' : `: ${upstream.error}`;
  return [
    [
      'Leader',
      leaderPid === undefined ? 'none' : `${model.nameOf(leaderPid)} · ${leaderPid}`,
      leaderPid === undefined ? 'bad' : undefined,
    ],
    ['Term', String(term)],
    ['Upstream', `${upstream.state}${since}${error}`, upstream.state === 'degraded' ? 'bad' : undefined],
    ...(fleet
      ? [
          ['Fleet', fleetText(fleet, model.now), fleet.stale ? 'bad' : undefined],
          ...fleet.engine.warnings.map((warning) => ['Engine', warning, 'warn']),
        ]
      : []),
    ['Values from upstream', formatCount(valuesFromUpstream)],
    ['Publications', formatCount(publications)],
    ['Skipped', formatCount(skippedValues), skippedValues > 0 ? 'warn' : undefined],
    [
      'Last failover',
      lastFailover
        ? `${lastFailover.durationMs === 0 ? 'no gap' : formatLatency(lastFailover.durationMs)}, ${lastFailover.cause}`
        : 'none',
    ],
  ].map((fact) => fact.filter((part) => part !== undefined) as unknown as Fact);
}
