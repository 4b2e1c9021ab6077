// Who leads which channel, from the view of the process that listens at a port. Pure: the directory decides, and reception.ts
// talks. At the cluster port the directory also appoints leaders; at the port of an appointed leader the directory knows only
// the channels of that leader.

import { hasOtherArguments, isSameChannel, leadsApart, type OwnChannelId } from '../../protocol/handshake';
import type { Candidacy } from '../../protocol/candidacy';
import type { WaitCode } from '../../protocol/codes';
import type { ChannelId } from '../../protocol/message';

/** A process that wants to be served on a channel. Gets at most one final answer. */
export interface Asker {
  readonly channel: ChannelId;
  readonly candidacy: Candidacy;
  /** The newest term that the asker has seen, whose leader is gone. 0: no term. */
  readonly term: number;
  /** Final: this leader serves the asker. */
  serve(leader: Leadership): void;
  /**
   * Final: the asker leads from now on. `isSucceeding`: another leader still serves; called again without it when that leader is
   * gone before the asker has announced itself.
   */
  appoint(term: number, isSucceeding: boolean): void;
  /** Final. */
  refuse(code: 'led-elsewhere' | 'not-led-here'): void;
  /** Not yet. */
  wait(code: Exclude<WaitCode, 'upstream'>): void;
}

/**
 * The largest term that a message can carry. A faulty peer may claim this term; terms then stay there, and the channel can still
 * be led.
 */
const MAX_TERM = 2 ** 32 - 1;

/** A leader of a channel, in this process or elsewhere. */
export interface Leadership {
  readonly channel: OwnChannelId;
  readonly term: number;
  /** The port on which the leader listens. */
  readonly port: number;
  /** Whether the leader is in this process, and so sends no announcement: an announcement of the same term is another leader's. */
  readonly isHere: boolean;
  /**
   * Tells this leader that another leader has taken over. @param onSilent called when this leader delivers nothing more, or when
   * waiting for the silence has ended
   */
  tellSucceeded(onSilent: () => void): void;
}

interface Appointment {
  readonly channel: ChannelId;
  readonly term: number;
  readonly asker: Asker;
}

export class Directory {
  readonly #appoints: boolean;
  readonly #leaders = new Set<Leadership>();
  readonly #resigning = new Set<Leadership>();
  /**
   * Leaders that were succeeded and perhaps still deliver: a value of the successor could be older than a value of these
   * leaders.
   */
  readonly #notYetSilent = new Set<Leadership>();
  readonly #appointments = new Set<Appointment>();
  readonly #waiting = new Set<Asker>();
  /** By name of channel. */
  readonly #newestTerms = new Map<string, number>();
  #isNew: boolean;
  /** Of two leaders with the same term the remote leader led before: the leader here has just come to a port that nobody held. */
  #isYoung = true;

  /**
   * @param appoints whether it is that of a cluster port
   * @param isNew leaders of before may still be on their way to announce themselves, so nobody gets a channel that it has not
   * lost; see `settled`
   */
  constructor(appoints: boolean, isNew = false) {
    this.#appoints = appoints;
    this.#isNew = isNew;
  }

  /** All earlier leaders have announced the channels by now. */
  settled(): void {
    this.#isYoung = false;
    if (!this.#isNew) return;
    this.#isNew = false;
    for (const asker of [...this.#waiting]) this.#answer(asker);
  }

  /** Whether another channel of this name is led. */
  hasNamesake(channel: ChannelId): boolean {
    return [...this.#leaders].some((leader) => leader.channel.name === channel.name && !isSameChannel(leader.channel, channel));
  }

  /** Names of the channels that are led, also with other constructor arguments than somebody asks for. */
  get channelNames(): readonly string[] {
    return [...new Set([...this.#leaders].map(({ channel }) => channel.name))].sort();
  }

  /**
   * @returns the term in which a client of this process would lead the channel from now on; undefined when another leader serves
   * the channel, or is about to
   */
  vacancy(channel: OwnChannelId, seenTerm: number): number | undefined {
    const others = [...this.#leaders].filter((leader) => !(leader.isHere && leadsApart(channel, leader.channel)));
    if (best(others, channel) || this.#appointmentOf(channel)) return undefined;
    return this.#nextTerm(channel, seenTerm);
  }

  /**
   * A leader arrives.
   * @returns whether the leader is accepted; false when another leader has a newer term
   */
  enter(leader: Leadership): boolean {
    const { channel, term } = leader;
    const present = this.#rivalOf(leader);
    // A leader that announces again before the end of its earlier connection was noticed.
    const isSame = !leader.isHere && present?.term === term && present.port === leader.port;
    const ledBefore = this.#isYoung && present?.term === term && present.isHere && !leader.isHere;
    if (present && !isSame && !ledBefore && present.term >= term) return false;
    // An older leader serves until the appointed leader arrives.
    const appointment = this.#appointmentOf(channel);
    if (appointment && appointment.term <= term) this.#appointments.delete(appointment);
    this.#noteTerm(channel, term);
    if (present) this.#remove(present);
    this.#leaders.add(leader);
    if (present && !isSame) this.#replace(present);
    // Askers of other channels are answered too, because the answer names all led channels.
    for (const asker of [...this.#waiting]) this.#answer(asker);
    return true;
  }

  /** The leader goes on serving, but a successor may be appointed. */
  resign(leader: Leadership): void {
    if (!this.#leaders.has(leader)) return;
    this.#resigning.add(leader);
    this.#answerAll(leader.channel);
  }

  /** The leader is gone. */
  leave(leader: Leadership): void {
    if (!this.#leaders.has(leader)) return;
    this.#remove(leader);
    const appointment = this.#appointmentOf(leader.channel);
    if (appointment && !this.#leaderOf(leader.channel)) appointment.asker.appoint(appointment.term, false);
    this.#answerAll(leader.channel);
  }

  ask(asker: Asker): void {
    this.#waiting.add(asker);
    this.#answer(asker);
  }

  /** The asker is gone, or has been appointed and will not lead. */
  withdraw(asker: Asker): void {
    this.#waiting.delete(asker);
    for (const appointment of this.#appointments) {
      if (appointment.asker !== asker) continue;
      this.#appointments.delete(appointment);
      this.#answerAll(appointment.channel);
    }
  }

  #answerAll(channel: ChannelId): void {
    for (const asker of [...this.#waiting]) if (isSameChannel(asker.channel, channel)) this.#answer(asker);
  }

  #answer(asker: Asker): void {
    if (!this.#waiting.has(asker)) return;
    const leader = this.#leaderOf(asker.channel);
    const isServing = leader !== undefined && !this.#resigning.has(leader);
    if (!this.#appoints) {
      this.#final(asker, () => (isServing ? asker.serve(leader) : asker.refuse('not-led-here')));
    } else if (isServing && asker.candidacy === 'leads') {
      this.#final(asker, () => asker.refuse('led-elsewhere'));
    } else if (isServing && asker.candidacy !== 'succeeds') {
      if (best(this.#notYetSilent, asker.channel)) asker.wait('hand-off');
      else this.#final(asker, () => asker.serve(leader));
    } else if (this.#appointmentOf(asker.channel)) {
      asker.wait('hand-off');
    } else if (asker.candidacy === 'follows' || (this.#isNew && asker.term === 0)) {
      asker.wait(leader ? 'hand-off' : 'no-leader');
    } else {
      this.#appoint(asker, leader !== undefined);
    }
  }

  #final(asker: Asker, answer: () => void): void {
    this.#waiting.delete(asker);
    answer();
  }

  #appoint(asker: Asker, isSucceeding: boolean): void {
    const { channel } = asker;
    const term = this.#nextTerm(channel, asker.term);
    this.#noteTerm(channel, term);
    this.#appointments.add({ channel, term, asker });
    this.#final(asker, () => asker.appoint(term, isSucceeding));
  }

  #replace(leader: Leadership): void {
    this.#notYetSilent.add(leader);
    leader.tellSucceeded(() => {
      if (this.#notYetSilent.delete(leader)) this.#answerAll(leader.channel);
    });
  }

  #remove(leader: Leadership): void {
    this.#leaders.delete(leader);
    this.#resigning.delete(leader);
  }

  #leaderOf(channel: ChannelId): Leadership | undefined {
    return best(this.#leaders, channel);
  }

  /** The leader in whose place this leader comes. Leaders of one process have one port, and were made to lead next to each other. */
  #rivalOf(leader: Leadership): Leadership | undefined {
    const others = [...this.#leaders].filter(
      (each) =>
        each.port !== leader.port ||
        !(leader.isHere ? leadsApart(leader.channel, each.channel) : hasOtherArguments(leader.channel, each.channel)),
    );
    return best(others, leader.channel);
  }

  #appointmentOf(channel: ChannelId): Appointment | undefined {
    return best(this.#appointments, channel);
  }

  #nextTerm({ name }: ChannelId, seenTerm: number): number {
    return Math.min(MAX_TERM, Math.max(this.#newestTerms.get(name) ?? 0, seenTerm) + 1);
  }

  #noteTerm({ name }: ChannelId, term: number): void {
    this.#newestTerms.set(name, Math.max(this.#newestTerms.get(name) ?? 0, term));
  }
}

/** The entry of the same identity, or else any entry that serves this channel. */
function best<T extends { readonly channel: ChannelId }>(all: Iterable<T>, channel: ChannelId): T | undefined {
  let found: T | undefined;
  for (const each of all) {
    if (!isSameChannel(each.channel, channel)) continue;
    if (each.channel.identity === channel.identity) return each;
    found ??= each;
  }
  return found;
}
