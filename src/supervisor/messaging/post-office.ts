// Messages of the application on the way through the master: to whom, when, and with which outcome.

import type { Logger } from '../../logger';
import { systemClock, type Timer } from '../../time';
import type { AppMessage, Delivery, Mail, Receiver, Sender } from './messages';
import { destinationOf, type Destination } from './routing';

/** A place of the application that messages can be sent to. */
export interface Recipient {
  readonly name: string;
  readonly kind: 'agent' | 'worker';
  /** Who has the place and is ready. */
  readonly readyChild: Reachable | undefined;
  /** Everybody there, also who is not ready yet, or about to end. */
  readonly living: readonly Reachable[];
}

export interface Reachable {
  readonly pid: number | undefined;
  /** Whether the recipient was ready once: the program handles messages. */
  readonly isListening: boolean;
  /** Whether the recipient does not read what was sent: mail waits. */
  readonly isCongested: boolean;
  /** Whether so many messages are unread that none may be added. */
  readonly isOverloaded: boolean;
  send(message: AppMessage): void;
}

export interface Surroundings {
  recipients(): readonly Recipient[];
  /** Handles a message to the master. */
  toMaster(message: AppMessage): Promise<void>;
  /** @returns whether there is a parent */
  toParent(message: AppMessage): boolean;
  readonly logger: Logger;
}

/** How much mail may wait for a place. */
const MAX_WAITING = 1_000;

/** A piece of mail with all recipients. */
interface Letter {
  readonly mail: Mail;
  readonly from: Sender;
  /** Who has not answered yet. Empty from the start when nobody waits for answers. */
  readonly open: Set<Recipient>;
  /** The numbers under which receivers that have not answered know the mail. */
  readonly ids: Set<number>;
  readonly handled: Receiver[];
  readonly missed: (Receiver & { reason: string })[];
  readonly tell: (delivery: Delivery) => void;
  timer: Timer | undefined;
}

export class PostOffice {
  readonly #surroundings: Surroundings;
  readonly #waiting = new Map<Recipient, Letter[]>();
  /** Mail that receivers have and have not answered. */
  readonly #delivered = new Map<number, { letter: Letter; recipient: Recipient; child: Reachable }>();
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
    const receivers = this.#recipientsOf(destination).flatMap(({ living }) => living);
    for (const child of receivers) {
      if (!isMeant(child, destination)) continue;
      if (child.isOverloaded) this.#countUndelivered(message);
      else this.#send(child, sent);
    }
    if (receivers.length === 0 && from !== 'master') this.#countUndelivered(message); // announcements are for present processes
  }

  /**
   * A message of a messenger: to all recipients, as soon as each is ready. @param tell gets the outcome, if anybody wants to
   * know
   */
  post(mail: Mail, from: Sender, tell: (delivery: Delivery) => void): void {
    const destination = this.#isClosed ? undefined : this.#destinationOf(mail, from);
    const recipients = destination === undefined ? [] : this.#recipientsOf(destination);
    const letter: Letter = {
      mail,
      from,
      open: new Set(recipients),
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
    if (recipients.length === 0) {
      this.#countUndelivered(mail);
      letter.missed.push({ name: nameOf(mail), pid: Number(mail.receiverPid) || undefined, reason: 'no such process' });
      this.#close(letter);
      return;
    }
    if (mail.withinMs > 0) letter.timer = systemClock.setTimeout(() => this.#expire(letter), mail.withinMs);
    for (const recipient of recipients) this.#deliver(letter, recipient);
  }

  /** A process in a place is ready, or reads again: waiting mail is delivered. */
  onReady(recipient: Recipient): void {
    const letters = this.#waiting.get(recipient) ?? [];
    this.#waiting.delete(recipient);
    for (const letter of letters) this.#deliver(letter, recipient);
  }

  /** A receiver has answered. @param reason why the message was not handled; undefined if the message was handled */
  onHandled(child: Reachable, id: number, reason: string | undefined): void {
    const { letter, recipient } = this.#delivered.get(id) ?? {};
    if (!letter || !recipient) return;
    this.#delivered.delete(id);
    letter.ids.delete(id);
    const receiver = { name: recipient.name, pid: child.pid };
    if (reason === undefined) letter.handled.push(receiver);
    else letter.missed.push({ ...receiver, reason });
    this.#settle(letter, recipient);
  }

  /** A child is gone, and will never answer. */
  onGone(child: Reachable): void {
    for (const [id, entry] of this.#delivered)
      if (entry.child === child) this.onHandled(child, id, 'ended before it had handled it');
  }

  /** A place is given up: waiting mail has no receiver. */
  onRemoved(recipient: Recipient): void {
    for (const letter of this.#waiting.get(recipient) ?? []) this.#miss(letter, recipient, 'no such process');
    this.#waiting.delete(recipient);
  }

  /** The application has ended: nothing is delivered any more, and waiting senders are told. */
  close(): void {
    this.#isClosed = true;
    for (const recipient of [...this.#waiting.keys()]) this.onRemoved(recipient);
    for (const [id, { child }] of this.#delivered) this.onHandled(child, id, 'the application has ended');
  }

  #destinationOf(message: AppMessage, from: Sender): Destination | undefined {
    const agent = this.#surroundings.recipients().find(({ kind }) => kind === 'agent');
    return destinationOf(message, from, { masterPid: process.pid, agentPid: (agent?.readyChild ?? agent?.living[0])?.pid });
  }

  #recipientsOf(destination: Destination): Recipient[] {
    const all = this.#surroundings.recipients();
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

  #deliver(letter: Letter, recipient: Recipient): void {
    const child = this.#receiverOf(letter, recipient);
    if (child === 'nobody') {
      this.#miss(letter, recipient, 'no such process');
      return;
    }
    if (!child || child.isCongested) {
      this.#keep(letter, recipient);
      return;
    }
    const id = ++this.#lastId;
    const isWaitedFor = letter.mail.withinMs > 0;
    if (isWaitedFor) {
      this.#delivered.set(id, { letter, recipient, child });
      letter.ids.add(id);
    }
    const failure = this.#send(child, { ...letter.mail, id, from: letter.from } as Mail);
    if (failure !== undefined && isWaitedFor) this.onHandled(child, id, failure);
    else if (failure !== undefined) this.#miss(letter, recipient, failure);
    else if (!isWaitedFor) this.#settle(letter, recipient);
  }

  /**
   * Mail to a place goes to the process in the place; mail to a process goes to that process, also during a drain. @returns
   * undefined: not yet
   */
  #receiverOf({ mail }: Letter, { readyChild, living }: Recipient): Reachable | 'nobody' | undefined {
    if (!mail.receiverPid) return readyChild;
    const child = living.find(({ pid }) => String(pid) === mail.receiverPid);
    if (!child) return 'nobody';
    return child.isListening ? child : undefined;
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

  #keep(letter: Letter, recipient: Recipient): void {
    const letters = this.#waiting.get(recipient) ?? [];
    letters.push(letter);
    this.#waiting.set(recipient, letters);
    if (letters.length > MAX_WAITING) this.#miss(letters.shift()!, recipient, `more than ${MAX_WAITING} messages waited for it`);
  }

  #miss(letter: Letter, recipient: Recipient, reason: string): void {
    this.#countUndelivered(letter.mail);
    letter.missed.push({ name: recipient.name, pid: recipient.readyChild?.pid, reason });
    this.#settle(letter, recipient);
  }

  #expire(letter: Letter): void {
    for (const id of letter.ids) {
      this.onHandled(this.#delivered.get(id)!.child, id, `not handled within ${letter.mail.withinMs} ms`);
    }
    for (const [recipient, letters] of this.#waiting) {
      if (!letters.includes(letter)) continue;
      letters.splice(letters.indexOf(letter), 1);
      this.#miss(letter, recipient, `not ready within ${letter.mail.withinMs} ms`);
    }
  }

  #settle(letter: Letter, recipient: Recipient): void {
    letter.open.delete(recipient);
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
