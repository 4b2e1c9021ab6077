// The processes of a channel around their leader, and the leader's line to the upstream server, as a picture. What is drawn is
// also said in words, and every figure of a follower stands in the table of followers.

import type { FleetView } from '../../fleet-view';
import type { ChannelView, FollowerView, UpstreamView } from '../../host-view';
import { formatBytes, formatLatency, plural } from '../../quantities';
import { Children, el, say, set, svg } from './elements';
import type { Model } from './model';

const WIDTH = 560;
const HEIGHT = 390;
const CENTRE = { x: WIDTH / 2, y: 214 };
const UPSTREAM = { x: WIDTH / 2, y: 36 };
/** Up to so many followers have a label next to them. */
const MAX_LABELLED = 12;
/** Followers on the inner ring; the others are outside of it. */
const INNER_RING = 26;
/** Nothing is drawn above the leader, where the line to upstream is. In radians, to each side. */
const GAP = 0.5;

interface Place {
  readonly x: number;
  readonly y: number;
}

interface Node extends Place {
  readonly follower: FollowerView;
  readonly label: string;
  readonly isLabelled: boolean;
}

export class Topology {
  readonly element = el('figure', { class: 'topology' });
  readonly #words = el('figcaption', { class: 'sr-only' });
  readonly #empty = el('p', { class: 'empty' }, 'No process uses a shared client yet.');
  readonly #svg = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, 'aria-hidden': true });
  readonly #legend = legendOf();
  readonly #edges = svg('g');
  readonly #line = svg('line', { x1: UPSTREAM.x, y1: UPSTREAM.y + 20, x2: CENTRE.x, y2: CENTRE.y - 30 });
  readonly #upstream = svg('g', { class: 'upstream' });
  readonly #upstreamText = svg('text', { x: UPSTREAM.x, y: UPSTREAM.y + 5 });
  readonly #leader = svg('g', { class: 'leader' });
  readonly #leaderName = svg('text', { x: CENTRE.x, y: CENTRE.y - 6 });
  readonly #leaderPid = svg('text', { x: CENTRE.x, y: CENTRE.y + 10, class: 'minor' });
  readonly #term = svg('text', { x: CENTRE.x, y: CENTRE.y + 25, class: 'minor' });
  readonly #alone = svg('text', { x: CENTRE.x, y: CENTRE.y + 78, class: 'note' });
  readonly #followerNodes: Children<Node>;
  readonly #followerEdges: Children<Node>;

  constructor() {
    const nodes = svg('g');
    this.#upstream.append(
      svg('rect', { x: UPSTREAM.x - 116, y: UPSTREAM.y - 18, width: 232, height: 36, rx: 18 }),
      this.#upstreamText,
    );
    this.#leader.append(svg('circle', { cx: CENTRE.x, cy: CENTRE.y, r: 46 }), this.#leaderName, this.#leaderPid, this.#term);
    this.#svg.append(this.#edges, this.#line, nodes, this.#upstream, this.#leader, this.#alone);
    this.element.append(this.#svg, this.#empty, this.#legend, this.#words);
    const keyOf = ({ follower }: Node): string => `${follower.pid}`;
    this.#followerNodes = new Children(nodes, keyOf, makeNode);
    this.#followerEdges = new Children(this.#edges, keyOf, makeEdge);
  }

  show(model: Model): void {
    const { channel } = model;
    this.#empty.hidden = channel !== undefined;
    this.#legend.hidden = channel === undefined;
    set(this.#svg, { hidden: channel === undefined, class: channel ? undefined : 'hidden' });
    if (!channel) {
      say(this.#words, 'No process uses a shared client yet.');
      return;
    }
    const { leaderPid, followers, upstream, fleet } = channel;
    set(this.#upstream, { class: `upstream ${upstream.state}` });
    set(this.#line, { class: `up ${leaderPid === undefined ? 'none' : upstream.state}` });
    say(this.#upstreamText, upstreamText(upstream, fleet));
    set(this.#leader, { class: leaderPid === undefined ? 'leader none' : 'leader' });
    say(this.#leaderName, leaderPid === undefined ? 'no leader' : shortened(model.nameOf(leaderPid), 11));
    say(this.#leaderPid, leaderPid === undefined ? '' : pidText(model, leaderPid));
    say(this.#term, leaderPid === undefined ? '' : `term ${channel.term}`);
    say(this.#alone, followers.length === 0 && leaderPid !== undefined ? 'no followers: this process is alone' : '');
    const nodes = placesOf(followers.length).map((place, i) => {
      const follower = followers[i]!;
      return {
        ...place,
        follower,
        label: shortened(model.nameOf(follower.pid), 12),
        isLabelled: followers.length <= MAX_LABELLED,
      };
    });
    this.#followerEdges.show(nodes);
    this.#followerNodes.show(nodes);
    say(this.#words, inWords(channel, model));
  }
}

function legendOf(): HTMLElement {
  const kinds = ['leader', 'follower', 'behind'].map((kind) => el('span', {}, el('i', { class: `disc ${kind}` }), kind));
  return el('div', { class: 'legend', 'aria-hidden': true }, ...kinds);
}

function makeEdge(): { element: Element; update(node: Node): void } {
  const element = svg('line', { x1: CENTRE.x, y1: CENTRE.y });
  return {
    element,
    update: ({ x, y, follower }) => set(element, { x2: x, y2: y, class: `edge ${stateOf(follower)}` }),
  };
}

function makeNode(): { element: Element; update(node: Node): void } {
  const title = svg('title');
  const label = svg('text', { y: 33 });
  const circle = svg('circle');
  const minor = svg('text', { y: 47, class: 'minor' });
  const element = svg('g', {}, title, circle, label, minor);
  return {
    element,
    update: ({ x, y, follower, label: name, isLabelled }) => {
      // A style property of an element is no inline style for the content security policy.
      element.style.transform = `translate(${x}px, ${y}px)`;
      set(element, { class: `follower ${stateOf(follower)}` });
      set(circle, { r: isLabelled ? 16 : 7.5 });
      say(label, isLabelled ? name : '');
      say(
        minor,
        !isLabelled || name.startsWith('pid')
          ? ''
          : follower.outboxBytes > 0
            ? `${formatLatency(follower.lagMs)} behind`
            : `pid ${follower.pid}`,
      );
      say(title, `${name} (pid ${follower.pid}): ${figuresOf(follower)}`);
    },
  };
}

export type FollowerState = 'fine' | 'behind' | 'skipping';

export function stateOf({ outboxBytes, skippedValues }: FollowerView): FollowerState {
  if (outboxBytes === 0) return 'fine';
  return skippedValues > 0 ? 'skipping' : 'behind';
}

function figuresOf({ outboxBytes, lagMs, skippedValues }: FollowerView): string {
  const backlog = outboxBytes === 0 ? 'up to date' : `${formatBytes(outboxBytes)} wait for ${formatLatency(lagMs)}`;
  return skippedValues === 0 ? backlog : `${backlog}, ${plural(skippedValues, 'value')} skipped`;
}

function upstreamText({ state }: UpstreamView, fleet: FleetView | undefined): string {
  if (fleet && state === 'ok')
    return fleet.winner ? `upstream: through ${shortened(fleet.winner.host, 16)}` : `fleet: ${fleet.state}`;
  switch (state) {
    case 'ok':
      return 'upstream: one connection';
    case 'degraded':
      return 'upstream is degraded';
    case 'connecting':
      return 'upstream: connecting';
    case 'unknown':
      return 'upstream';
  }
}

function inWords({ channel, leaderPid, followers, upstream, fleet, term }: ChannelView, model: Model): string {
  const leader =
    leaderPid === undefined ? 'has no leader' : `is led by ${model.nameOf(leaderPid)}, pid ${leaderPid}, term ${term}`;
  const behind = followers.filter((follower) => stateOf(follower) !== 'fine').length;
  return `${channel} ${leader}. ${plural(followers.length, 'follower')}, ${behind} behind. ${upstreamText(upstream, fleet)}.`;
}

function pidText(model: Model, pid: number): string {
  return model.nameOf(pid).startsWith('pid') ? 'leads' : `pid ${pid}`;
}

export function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Places around the leader: on one ring, or on two when there are many. */
function placesOf(count: number): Place[] {
  const inner = count <= INNER_RING ? count : Math.round(count * 0.4);
  const isOne = inner === count;
  return [...ring(inner, isOne ? 205 : 152, isOne ? 120 : 92), ...ring(count - inner, 256, 146)];
}

function ring(count: number, radiusX: number, radiusY: number): Place[] {
  const arc = 2 * (Math.PI - GAP);
  return Array.from({ length: count }, (_, i) => {
    // Clockwise from the gap above the leader; a single follower is below the leader.
    const angle = GAP + (arc * (i + 0.5)) / count - Math.PI / 2;
    return { x: round(CENTRE.x + radiusX * Math.cos(angle)), y: round(CENTRE.y + radiusY * Math.sin(angle)) };
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
