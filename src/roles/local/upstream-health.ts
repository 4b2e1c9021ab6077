// How the upstream client of this process stands: without a client that is ready, well, or degraded, as the client itself says by the
// event `health` or the property of this name. Both are `{ ok, error? }`; anything else is of the class's own and says nothing.

import { upstreamChannel, type UpstreamMessage } from '../../telemetry';
import type { Clock, Timer } from '../../time';
import { UpstreamStanding } from '../upstream-standing';
import { markHandled, type Method } from './upstream-method';

interface Health {
  readonly isOk: boolean;
  readonly error: unknown;
}

/** How often the property is looked at, ms. */
const LOOK_MS = 1_000;
/** Changes are told at most this often, ms: a client that wavers must not flood the followers. */
const TELL_MS = 100;

const WELL: Health = { isOk: true, error: undefined };

export class UpstreamHealth {
  readonly #channel: string;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #client: Record<string, unknown> | undefined;
  #isReady = false;
  #said = WELL;
  #standing = new UpstreamStanding('connecting');
  #told = this.#standing;
  #look: Timer | undefined;
  #pause: Timer | undefined;

  /** @param onChange called when the standing has changed, soon after the last change */
  constructor(channel: string, clock: Clock, onChange: () => void) {
    this.#channel = channel;
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get standing(): UpstreamStanding {
    return this.#standing;
  }

  /** A client exists, perhaps not ready yet. @returns forgets the client */
  created(client: object): () => void {
    this.#client = client as Record<string, unknown>;
    this.#said = WELL;
    this.#publish('created');
    this.#listen('on');
    return () => {
      this.#clock.clearTimeout(this.#look);
      this.#listen('removeListener');
      this.#client = undefined;
    };
  }

  ready(): void {
    this.#isReady = true;
    this.#publish('ready');
    this.#lookAtProperty();
    this.#apply();
  }

  failed(error: unknown): void {
    this.#isReady = false;
    this.#publish('failed', error);
    this.#change(new UpstreamStanding('connecting', error));
  }

  closed(): void {
    this.#clock.clearTimeout(this.#look);
    this.#clock.clearTimeout(this.#pause);
    this.#publish('closed');
  }

  #listen(verb: 'on' | 'removeListener'): void {
    const method = this.#client?.[verb];
    if (typeof method === 'function') (method as Method).call(this.#client, 'health', this.#onEvent);
  }

  readonly #onEvent = (given: unknown): void => {
    const health = read(given);
    if (!health) return;
    this.#said = health;
    this.#apply();
  };

  /** The property is looked at again and again, if it says anything at the first look. */
  #lookAtProperty(): void {
    let health: Health | undefined;
    try {
      health = read(this.#client?.health);
    } catch (error) {
      health = { isOk: false, error };
    }
    this.#clock.clearTimeout(this.#look);
    if (!health) return;
    this.#said = health;
    this.#look = this.#clock.setTimeout(() => {
      this.#lookAtProperty();
      this.#apply();
    }, LOOK_MS);
    this.#look.unref();
  }

  #apply(): void {
    if (!this.#isReady) return;
    const { isOk, error } = this.#said;
    const wasDegraded = this.#standing.view.state === 'degraded';
    const next = new UpstreamStanding(isOk ? 'ok' : 'degraded', isOk ? undefined : error);
    if (isOk === wasDegraded) this.#publish(isOk ? 'recovered' : 'degraded', next.view.error);
    this.#change(next);
  }

  #change(next: UpstreamStanding): void {
    const { state, since } = this.#standing.view;
    if (next.isLike(this.#standing)) return;
    // Another reason for the same state does not make the state younger.
    this.#standing = next.view.state === state ? next.beginning(since) : next;
    this.#tell();
  }

  #tell(): void {
    if (this.#pause || this.#told.isLike(this.#standing)) return;
    this.#told = this.#standing;
    this.#pause = this.#clock.setTimeout(() => {
      this.#pause = undefined;
      this.#tell();
    }, TELL_MS);
    this.#pause.unref();
    this.#onChange();
  }

  #publish(state: UpstreamMessage['state'], error?: unknown): void {
    if (upstreamChannel.hasSubscribers) upstreamChannel.publish({ channel: this.#channel, state, error });
  }
}

/** @returns undefined for anything that is not of this form */
function read(given: unknown): Health | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  markHandled(given); // a promise is of another form, and nobody else waits for what a getter gives here
  const { ok, error } = given as { ok?: unknown; error?: unknown };
  markHandled(error);
  return typeof ok === 'boolean' ? { isOk: ok, error: ok ? undefined : error } : undefined;
}
