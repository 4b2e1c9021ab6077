// Messages of the application on the way through the master: to whom, when, and with which outcome.

import type { Logger } from '../../logger';
import { systemClock, type Timer } from '../../time';
import type { AppMessage, Delivery, Mail, Receiver, Sender } from './messages';
import { destinationOf, type Destination } from './routing';

/** A slot of the application, as far as messages are sent to it. */
export interface ReceivingSlot {
  readonly name: string;
  readonly kind: 'agent' | 'worker';
  /** The child that occupies the slot, if that child is ready. */
  readonly readyChild: Reachable | undefined;
  /** Every living child of the slot, also a child that is not ready yet, or about to end. */
  readonly living: readonly Reachable[];
}

export interface Reachable {
  readonly pid: number | undefined;
  /** Whether the child was ready once and lives: the program handles messages. */
  readonly handlesMessages: boolean;
  /** Whether the child does not read what was sent: mail waits. */
  readonly isCongested: boolean;
  /** Whether so many messages are unread that none may be added. */
  readonly isOverloaded: boolean;
  send(message: AppMessage): void;
}

export interface Surroundings {
  slots(): readonly ReceivingSlot[];
  /** Handles a message to the master. */
  toMaster(message: AppMessage): Promise<void>;
  /** @returns whether there is a parent */
  toParent(message: AppMessage): boolean;
  readonly logger: Logger;
}

/** How much mail may wait for a slot. */
const MAX_WAITING = 1_000;

/** A piece of mail with all slots that are to get it. */
interface Letter {
  readonly mail: Mail;
  readonly from: Sender;
  /** Slots whose child has not answered yet. Empty from the start when nobody waits for answers. */
  readonly open: Set<ReceivingSlot>;
  /** The numbers under which receivers that have not answered know the mail. */
  readonly ids: Set<number>;
  readonly handled: Receiver[];
  readonly missed: (Receiver & { reason: string })[];
  readonly tell: (delivery: Delivery) => void;
  timer: Timer | undefined;
}

export class PostOffice {
  readonly #surroundings: Surroundings;
  readonly #waiting = new Map<ReceivingSlot, Letter[]>();
  /** Mail that receivers have and have not answered. */
  readonly #delivered = new Map<number, { letter: Letter; slot: ReceivingSlot; child: Reachable }>();
  #lastId = 0;
  #undelivered = 0;
  #isClosed = false;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  /** Messages that had no living receiver, since the start. */
  get undelivered(): number {
    return this.#undelivered;
  }

  /** A message in egg's form: to all living processes, ready or not. */
  send(message: AppMessage, from: Sender): void {
    const destination = this.#destinationOf(message, from);
    if (destination === undefined) return;
    const sent = { ...message, from };
    if (destination.to === 'master') {
      this.#surroundings.toMaster(sent).catch((error: unknown) => {
        this.#surroundings.logger.error(`a handler of the master has failed: action=${message.action}: ${String(error)}`);
      });
      return;
    }
    if (destination.to === 'parent') {
      this.#surroundings.toParent(sent);
      return;
    }
    const receivers = this.#slotsOf(destination).flatMap(({ living }) => living);
    for (const child of receivers) {
      if (!isMeant(child, destination)) continue;
      if (child.isOverloaded) this.#countUndelivered(message);
      else this.#send(child, sent);
    }
    if (receivers.length === 0 && from !== 'master') this.#countUndelivered(message); // announcements are for present processes
  }

  /**
   * A message of a messenger: to all slots that are meant, as soon as each has a ready child. @param tell gets the outcome, if anybody wants to
   * know
   */
  post(mail: Mail, from: Sender, tell: (delivery: Delivery) => void): void {
    const destination = this.#isClosed ? undefined : this.#destinationOf(mail, from);
    const slots = destination === undefined ? [] : this.#slotsOf(destination);
    const letter: Letter = {
      mail,
      from,
      open: new Set(slots),
      ids: new Set(),
      handled: [],
      missed: [],
      tell,
      timer: undefined,
    };
    if (destination?.to === 'master' || destination?.to === 'parent') {
      void this.#postAbove(letter, destination.to);
      return;
    }
    if (slots.length === 0) {
      this.#countUndelivered(mail);
      letter.missed.push({ name: nameOf(mail), pid: Number(mail.receiverPid) || undefined, reason: 'no such process' });
      this.#close(letter);
      return;
    }
    if (mail.withinMs > 0) letter.timer = systemClock.setTimeout(() => this.#expire(letter), mail.withinMs);
    for (const slot of slots) this.#deliver(letter, slot);
  }

  /** The child of a slot is ready, or reads again: waiting mail is delivered. */
  onReady(slot: ReceivingSlot): void {
    const letters = this.#waiting.get(slot) ?? [];
    this.#waiting.delete(slot);
    for (const letter of letters) this.#deliver(letter, slot);
  }

  /** A receiver has answered. @param reason why the message was not handled; undefined if the message was handled */
  onHandled(child: Reachable, id: number, reason: string | undefined): void {
    const { letter, slot } = this.#delivered.get(id) ?? {};
    if (!letter || !slot) return;
    this.#delivered.delete(id);
    letter.ids.delete(id);
    const receiver = { name: slot.name, pid: child.pid };
    if (reason === undefined) letter.handled.push(receiver);
    else letter.missed.push({ ...receiver, reason });
    this.#settle(letter, slot);
  }

  /** A child is gone, and will never answer. */
  onGone(child: Reachable): void {
    for (const [id, entry] of this.#delivered)
      if (entry.child === child) this.onHandled(child, id, 'ended before it had handled it');
  }

  /** A slot is given up: waiting mail has no receiver. */
  onRemoved(slot: ReceivingSlot): void {
    for (const letter of this.#waiting.get(slot) ?? []) this.#miss(letter, slot, 'no such process');
    this.#waiting.delete(slot);
  }

  /** The application has ended: nothing is delivered any more, and waiting senders are told. */
  close(): void {
    this.#isClosed = true;
    for (const slot of [...this.#waiting.keys()]) this.onRemoved(slot);
    for (const [id, { child }] of this.#delivered) this.onHandled(child, id, 'the application has ended');
  }

  #destinationOf(message: AppMessage, from: Sender): Destination | undefined {
    const agent = this.#surroundings.slots().find(({ kind }) => kind === 'agent');
    return destinationOf(message, from, { masterPid: process.pid, agentPid: (agent?.readyChild ?? agent?.living[0])?.pid });
  }

  #slotsOf(destination: Destination): ReceivingSlot[] {
    const all = this.#surroundings.slots();
    if (destination.to === 'agent') return all.filter(({ kind }) => kind === 'agent');
    if (destination.to !== 'app') return [];
    const workers = all.filter(({ kind }) => kind === 'worker');
    if (destination.which === 'all') return workers;
    if (destination.which !== 'random')
      return workers.filter(({ living }) => living.some((child) => isMeant(child, destination)));
    const ready = workers.filter(({ readyChild }) => readyChild);
    const among = ready.length > 0 ? ready : workers;
    return among.length === 0 ? [] : [among[Math.floor(Math.random() * among.length)]!];
  }

  async #postAbove(letter: Letter, to: 'master' | 'parent'): Promise<void> {
    const receiver = { name: to, pid: to === 'master' ? process.pid : process.ppid };
    const message = { ...letter.mail, from: letter.from };
    try {
      if (to === 'master') await this.#surroundings.toMaster(message);
      else if (!this.#surroundings.toParent(message)) throw new Error('no such process');
      letter.handled.push(receiver);
    } catch (error) {
      letter.missed.push({ ...receiver, reason: String((error as Error).message) });
    }
    this.#close(letter);
  }

  #deliver(letter: Letter, slot: ReceivingSlot): void {
    const child = this.#receiverOf(letter, slot);
    if (child === 'nobody') {
      this.#miss(letter, slot, 'no such process');
      return;
    }
    if (!child || child.isCongested) {
      this.#keep(letter, slot);
      return;
    }
    const id = ++this.#lastId;
    const isWaitedFor = letter.mail.withinMs > 0;
    if (isWaitedFor) {
      this.#delivered.set(id, { letter, slot, child });
      letter.ids.add(id);
    }
    const failure = this.#send(child, { ...letter.mail, id, from: letter.from } as Mail);
    if (failure !== undefined && isWaitedFor) this.onHandled(child, id, failure);
    else if (failure !== undefined) this.#miss(letter, slot, failure);
    else if (!isWaitedFor) this.#settle(letter, slot);
  }

  /**
   * Mail to a slot goes to the child that occupies the slot; mail to a process goes to that process, also during a drain. @returns
   * undefined: not yet
   */
  #receiverOf({ mail }: Letter, { readyChild, living }: ReceivingSlot): Reachable | 'nobody' | undefined {
    if (!mail.receiverPid) return readyChild;
    const child = living.find(({ pid }) => String(pid) === mail.receiverPid);
    if (!child) return 'nobody';
    return child.handlesMessages ? child : undefined;
  }

  /** @returns why the message cannot be sent: some content cannot pass the channel to a child */
  #send(child: Reachable, message: AppMessage): string | undefined {
    try {
      child.send(message);
      return undefined;
    } catch (error) {
      this.#surroundings.logger.error(`a message cannot be sent: action=${message.action}: ${(error as Error).message}`);
      return `cannot be sent: ${(error as Error).message}`;
    }
  }

  #keep(letter: Letter, slot: ReceivingSlot): void {
    const letters = this.#waiting.get(slot) ?? [];
    letters.push(letter);
    this.#waiting.set(slot, letters);
    if (letters.length > MAX_WAITING) this.#miss(letters.shift()!, slot, `more than ${MAX_WAITING} messages waited for it`);
  }

  #miss(letter: Letter, slot: ReceivingSlot, reason: string): void {
    this.#countUndelivered(letter.mail);
    letter.missed.push({ name: slot.name, pid: slot.readyChild?.pid, reason });
    this.#settle(letter, slot);
  }

  #expire(letter: Letter): void {
    for (const id of letter.ids) {
      this.onHandled(this.#delivered.get(id)!.child, id, `not handled within ${letter.mail.withinMs} ms`);
    }
    for (const [slot, letters] of this.#waiting) {
      if (!letters.includes(letter)) continue;
      letters.splice(letters.indexOf(letter), 1);
      this.#miss(letter, slot, `not ready within ${letter.mail.withinMs} ms`);
    }
  }

  #settle(letter: Letter, slot: ReceivingSlot): void {
    letter.open.delete(slot);
    if (letter.open.size === 0) this.#close(letter);
  }

  /** Senders get the outcome of mail if waiting for the outcome, and when the mail was not delivered. */
  #close({ mail, timer, handled, missed, tell }: Letter): void {
    systemClock.clearTimeout(timer);
    if (mail.withinMs > 0 || missed.length > 0) tell({ handled, missed });
  }

  #countUndelivered({ action, receiverPid, to }: AppMessage): void {
    this.#undelivered++;
    this.#surroundings.logger.debug?.(`message not delivered: action=${action} to=${receiverPid ?? to}`);
  }
}

function isMeant(child: Reachable, destination: Destination): boolean {
  if (destination.to !== 'app' || typeof destination.which === 'string') return true;
  return String(child.pid) === destination.which.pid;
}

function nameOf({ to, receiverPid }: AppMessage): string {
  return receiverPid === undefined ? String(to) : `pid ${receiverPid}`;
}
