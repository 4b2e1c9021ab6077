// Two sockets that exchange bytes with the faults of a network between both: real sockets show what the
// operating system does. For the proxy (fault-proxy.ts) and for the links between members of a group (group-network.ts).

import type net from 'node:net';

/** Which way bytes go: to the side that was connected to, or back to the side that has connected. */
export type Direction = 'toTarget' | 'toClient';

/** What happens to bytes on the way. Several pairs may share an object. */
export class Faults {
  /** Directions whose bytes wait until the direction is resumed. */
  readonly paused = new Set<Direction>();
  /** Half-open: both sides believe to be connected, and no byte or end of either side reaches the other. */
  swallows = false;
  /** How long each chunk waits, ms. */
  delayMs = 0;
  /** Every byte travels alone. */
  drips = false;
}

interface Lane {
  /** Bytes that wait for a turn. */
  readonly queue: Buffer[];
  timer: NodeJS.Timeout | undefined;
}

export class FaultyPair {
  readonly #client: net.Socket;
  readonly #target: net.Socket;
  readonly #faults: Faults;
  readonly #lanes: Record<Direction, Lane> = {
    toTarget: { queue: [], timer: undefined },
    toClient: { queue: [], timer: undefined },
  };
  readonly #onDropped: () => void;
  #isHeld = false;
  /** Whether a side has closed while the pair was held. */
  #hasEnded = false;

  /** @param onDropped called when both sockets are closed, or being closed */
  constructor(client: net.Socket, target: net.Socket, faults: Faults, onDropped: () => void) {
    this.#client = client;
    this.#target = target;
    this.#faults = faults;
    this.#onDropped = onDropped;
    client.on('error', () => undefined);
    target.on('error', () => undefined);
    for (const direction of ['toTarget', 'toClient'] as const) {
      const [from] = this.#ends(direction);
      from.on('data', (chunk: Buffer) => {
        if (faults.swallows) return;
        this.#lanes[direction].queue.push(...(faults.drips ? [...chunk].map((byte) => Buffer.of(byte)) : [chunk]));
        this.forward(direction);
      });
      from.on('close', () => {
        if (faults.swallows) return;
        if (this.#isHeld) this.#hasEnded = true;
        else this.drop('finish');
      });
    }
  }

  /** Passes on what waits, as the faults allow. */
  forward(direction: Direction): void {
    const lane = this.#lanes[direction];
    const { paused, swallows, delayMs, drips } = this.#faults;
    if (lane.timer || lane.queue.length === 0 || this.#isHeld || paused.has(direction) || swallows) return;
    const [, to] = this.#ends(direction);
    if (delayMs === 0 && !drips) {
      for (const chunk of lane.queue.splice(0)) to.write(chunk);
      return;
    }
    const pass = (): void => {
      lane.timer = undefined;
      if (this.#isHeld) return;
      const chunk = lane.queue.shift();
      if (chunk) to.write(chunk);
      this.forward(direction);
    };
    lane.timer = setTimeout(pass, delayMs);
  }

  /** Keeps all bytes, and the end of either side, until `release`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.forward('toTarget');
    this.forward('toClient');
    if (this.#hasEnded) this.drop('finish');
  }

  /** Passes the first bytes of the next chunk on, then resets: the receiver is left in the middle of a frame. */
  resetWithin(direction: Direction, bytes: number): void {
    const [from, to] = this.#ends(direction);
    from.removeAllListeners('data');
    from.once('data', (chunk: Buffer) => {
      to.write(chunk.subarray(0, bytes), () => {
        this.drop('resetAndDestroy');
      });
    });
  }

  /** @param how `finish`: what was passed on still arrives */
  drop(how: 'finish' | 'destroy' | 'resetAndDestroy'): void {
    for (const lane of Object.values(this.#lanes)) clearTimeout(lane.timer);
    for (const socket of [this.#client, this.#target]) {
      // A reset needs a connection.
      if (how === 'resetAndDestroy' && !socket.connecting) socket.resetAndDestroy();
      else if (how === 'finish' && !socket.connecting) socket.destroySoon();
      else socket.destroy();
    }
    this.#onDropped();
  }

  #ends(direction: Direction): [from: net.Socket, to: net.Socket] {
    return direction === 'toTarget' ? [this.#client, this.#target] : [this.#target, this.#client];
  }
}
