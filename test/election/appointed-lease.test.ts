// A leader without the cluster port: stays announced at the holders of that port, and leaves nothing at the end. The holder
// stands for another process here: a reception that this process's port registry does not know.

import net from 'node:net';
import { v1Codec } from '../../protocol/v1';
import type { Candidacy } from '../../protocol/candidacy';
import type { ChannelId, Join } from '../../protocol/message';
import type { AppointedLease } from '../../src/election/appointed-lease';
import { HeldPort } from '../../src/election/held-port';
import { PortRace } from '../../src/election/port-race';
import { Reception } from '../../src/election/reception';
import type { Appointed, ChannelLease, Meeting } from '../../src/election/term';
import type { ChannelDoor } from '../../src/transport/listener';
import { eventually } from '../support/eventually';
import { ManualClock } from '../../src/testing/manual-clock';
import { credentialsOf, meetingAt, SECRET } from '../support/meeting';
import { leavesNothingOpen } from '../support/open-handles';
import { Peer } from '../support/peer';
import { canBind, freePort } from '../support/ports';

leavesNothingOpen();

const blue: ChannelId = { name: 'blue', identity: '', isStrict: false };

/** Another process that holds the cluster port. */
class Holder {
  readonly reception: Reception;
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  private constructor(server: net.Server, as: Meeting) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    const onRelease = (): Promise<void> => Promise.resolve();
    this.reception = new Reception({ server, meeting: as, appoints: true, hasPredecessor: false, onRelease });
  }

  static async start(as = meeting): Promise<Holder> {
    const server = net.createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const holder = new Holder(server, as);
    holders.push(holder);
    return holder;
  }

  /** How many connections the holder has. */
  get guests(): number {
    return this.#sockets.size;
  }

  /** What the system does when a process is killed. */
  async die(): Promise<void> {
    this.reception.close();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

let port: number;
let meeting: Meeting;
const holders: Holder[] = [];
const leases: AppointedLease[] = [];
const peers: Peer[] = [];
const admitted: Join[] = [];
const door: ChannelDoor = { admit: (_, join) => void admitted.push(join), admitLegacy: () => undefined, sendOn: () => undefined };

beforeEach(async () => {
  port = await freePort();
  meeting = meetingAt(port);
  admitted.length = 0;
});

afterEach(async () => {
  await Promise.all(leases.splice(0).map((lease) => lease.release()));
  await Promise.all(peers.splice(0).map((peer) => peer.close()));
  await Promise.all(holders.splice(0).map((holder) => holder.die()));
  expect(await canBind(port)).toBe(true);
});

async function come(at = port): Promise<Peer> {
  const peer = await Peer.at(at);
  peers.push(peer);
  return peer;
}

/** The holder of the port tells this process to lead. */
async function appoint(term = 1, candidacy: Candidacy = 'competes'): Promise<Appointed> {
  const peer = (await come()).join('blue', candidacy, { term: term - 1 });
  const answer = await peer.next();
  if (answer.type !== 'appoint') throw new Error(`not appointed: ${answer.type}`);
  return { line: peer.connection, term: answer.term, isSucceeding: answer.isSucceeding };
}

async function accept(appointed: Appointed, as: Meeting = meeting): Promise<AppointedLease> {
  const lease = (await new PortRace(as, blue).accept(appointed)) as AppointedLease;
  leases.push(lease);
  return lease;
}

/** This process leads without the port, and the holder knows. */
async function leadElsewhere(term = 1, as: Meeting = meeting): Promise<AppointedLease> {
  const lease = await accept(await appoint(term), as);
  lease.open(door);
  await redirected();
  return lease;
}

/** @returns the port to which a process that asks at the cluster port is redirected, as soon as that happens */
async function redirected(): Promise<{ readonly term: number; readonly port: number }> {
  const peer = (await come()).join('blue', 'follows');
  for (;;) {
    const answer = await peer.next();
    if (answer.type === 'redirect') return { term: answer.term, port: answer.port };
    expect(answer.type).toBe('wait');
  }
}

function flagOf(promise: Promise<unknown>): { isSettled: boolean } {
  const flag = { isSettled: false };
  void promise.then(() => (flag.isSettled = true));
  return flag;
}

test('it listens at a port of its own, where those are let in whom the holder sends there', async () => {
  await Holder.start();
  await leadElsewhere(5);
  const target = await redirected();
  expect(target.term).toBe(5);
  expect(target.port).not.toBe(port);
  (await come(target.port)).join('blue', 'follows');
  await eventually('let in', () => admitted.length);
  const astray = (await come(target.port)).join('red', 'competes');
  expect(await astray.next()).toMatchObject({ type: 'refusal', code: 'not-led-here' });
});

test('a successor announces itself when it is ready, not before', async () => {
  const holder = await Holder.start();
  const present = holder.reception.enter(blue, 3)!;
  present.open(door);
  const lease = await accept(await appoint(4, 'succeeds'));
  const flag = flagOf(present.succeeded);
  lease.open(door);
  (await come()).join('blue', 'follows');
  await eventually('the present leader serves', () => admitted.length);
  expect(flag.isSettled).toBe(false);
  lease.ready();
  await present.succeeded;
  expect(await redirected()).toMatchObject({ term: 4 });
});

test('a successor that has lost the holder announces itself to the next one, ready or not', async () => {
  const holder = await Holder.start();
  holder.reception.enter(blue, 3)!.open(door);
  (await accept(await appoint(4, 'succeeds'))).open(door);
  await holder.die();
  await eventually('it has the port', async () => !(await canBind(port)));
  (await come()).join('blue', 'follows');
  await eventually('let in', () => admitted.length);
});

test('so does one that has no time left, because nobody serves any more', async () => {
  const clock = new ManualClock();
  const holder = await Holder.start(meetingAt(port, { clock }));
  const present = holder.reception.enter(blue, 3)!;
  (await accept(await appoint(4, 'succeeds'))).open(door);
  await present.release();
  clock.advance(2_000);
  clock.advance(0);
  expect(await redirected()).toMatchObject({ term: 4 });
});

test('after the death of the holder it announces itself to the next one with its term, and those it serves notice nothing', async () => {
  const holder = await Holder.start();
  await leadElsewhere(5);
  const target = await redirected();
  const follower = (await come(target.port)).join('blue', 'follows');
  await eventually('let in', () => admitted.length);
  // The next holder is faster than this process.
  const hold = jest.spyOn(HeldPort, 'hold').mockResolvedValue(undefined);
  try {
    await holder.die();
    const next = await Holder.start();
    await eventually('it has come', () => next.guests > 0);
    expect(await redirected()).toEqual(target);
    expect(follower.isClosed).toBe(false);
  } finally {
    hold.mockRestore();
  }
});

test('it takes the port itself when nobody else does, and lets people in at both', async () => {
  const holder = await Holder.start();
  const lease = await leadElsewhere(5);
  const target = await redirected();
  await holder.die();
  await eventually('it has the port', async () => !(await canBind(port)));
  (await come()).join('blue', 'follows', { id: 1 });
  (await come(target.port)).join('blue', 'follows', { id: 2 });
  await eventually('both are let in', () => admitted.length === 2);
  const released = lease.release();
  expect(await canBind(port)).toBe(true);
  expect(await canBind(target.port)).toBe(true);
  await released;
});

test('at the port it can be succeeded, and resigns, like any leader there', async () => {
  const holder = await Holder.start();
  const lease = await leadElsewhere(5);
  await holder.die();
  await eventually('it has the port', async () => !(await canBind(port)));
  lease.resign();
  const successor = (await come()).join('blue', 'competes');
  await eventually('the successor is appointed', () => successor.heard.some(({ type }) => type === 'appoint'));
  expect(successor.heard).toMatchObject([{ type: 'appoint', term: 6, isSucceeding: true }]);
  successor.announce('blue', 6);
  await lease.succeeded;
});

test('it gives way when another one takes over, and its line stays until it has served to the end', async () => {
  await Holder.start();
  const lease = await leadElsewhere(5);
  const flag = flagOf(lease.succeeded);
  const next = (await come()).join('blue', 'succeeds');
  expect(await next.next()).toMatchObject({ type: 'appoint', term: 6, isSucceeding: true });
  expect(flag.isSettled).toBe(false);
  next.announce('blue', 6);
  await lease.succeeded;
  const line = peers[0]!;
  await redirected();
  expect(line.isClosed).toBe(false);
  await lease.release();
  await line.connection.closed;
});

test('it gives way when the next holder knows a leader of a newer term', async () => {
  const holder = await Holder.start();
  const lease = await leadElsewhere(5);
  const hold = jest.spyOn(HeldPort, 'hold').mockResolvedValue(undefined);
  try {
    await holder.die();
    (await Holder.start()).reception.enter(blue, 6);
    await lease.succeeded;
  } finally {
    hold.mockRestore();
  }
});

test('it gives way when another client of this process has the port and leads in a newer term', async () => {
  const holder = await Holder.start();
  const lease = await leadElsewhere(5);
  const { hold } = HeldPort;
  const spy = jest.spyOn(HeldPort, 'hold').mockResolvedValue(undefined);
  await holder.die();
  const other = await hold.call(HeldPort, meeting, (reception) => reception.enter(blue, 6));
  spy.mockRestore();
  await lease.succeeded;
  await (other as ChannelLease).release();
});

test('that it resigns is told to the next holder too', async () => {
  const holder = await Holder.start();
  const lease = await leadElsewhere(5);
  const hold = jest.spyOn(HeldPort, 'hold').mockResolvedValue(undefined);
  try {
    await holder.die();
    lease.resign();
    const next = await Holder.start();
    await eventually('it has come', () => next.guests > 0);
    const successor = (await come()).join('blue', 'follows');
    await eventually('waits for the next leader', () =>
      successor.heard.some((message) => message.type === 'wait' && message.code === 'hand-off'),
    );
  } finally {
    hold.mockRestore();
  }
});

test('a secret that cannot be read at the moment is asked for again', async () => {
  const holder = await Holder.start();
  let failures = 0;
  const credentials = {
    ...credentialsOf(SECRET),
    secret: () => {
      failures += 1;
      return failures < 3 ? Promise.reject(new Error('the disk is full')) : Promise.resolve(SECRET);
    },
  };
  await leadElsewhere(5, meetingAt(port, { credentials }));
  const hold = jest.spyOn(HeldPort, 'hold').mockResolvedValue(undefined);
  try {
    await holder.die();
    await Holder.start();
    expect(await redirected()).toMatchObject({ term: 5 });
    expect(failures).toBeGreaterThanOrEqual(3);
  } finally {
    hold.mockRestore();
  }
});

describe('what cannot be accepted', () => {
  test('when no port of its own can be bound the line ends, so that the next one is appointed', async () => {
    const holder = await Holder.start();
    holder.reception.enter(blue, 3)!.open(door);
    const appointed = await appoint(4, 'succeeds');
    const own = jest.spyOn(HeldPort, 'own').mockRejectedValue(new Error('listen EMFILE'));
    try {
      await expect(accept(appointed)).rejects.toThrow('EMFILE');
    } finally {
      own.mockRestore();
    }
    await appointed.line.closed;
    expect(await appoint(4, 'succeeds')).toMatchObject({ term: 5 });
  });

  test('so it does when another client of this process leads the channel already, in a newer term', async () => {
    const holder = await Holder.start();
    await leadElsewhere(5);
    await holder.die();
    await eventually('it has the port', async () => !(await canBind(port)));
    const stale = { line: (await come()).connection, term: 4, isSucceeding: false };
    expect(await new PortRace(meeting, blue).accept(stale)).toBeUndefined();
    await stale.line.closed;
  });
});

describe('a release leaves nothing', () => {
  test.each<[string, (lease: AppointedLease, holder: Holder) => Promise<void> | void]>([
    ['before the door is open', () => undefined],
    ['in the turn in which it opens', (lease) => lease.open(door)],
    [
      'when it has announced itself',
      async (lease) => {
        lease.open(door);
        await redirected();
      },
    ],
    [
      'in the turn in which the holder dies',
      async (lease, holder) => {
        lease.open(door);
        await redirected();
        void holder.die();
      },
    ],
    [
      'while it takes the port',
      async (lease, holder) => {
        lease.open(door);
        await redirected();
        const taken = new Promise((resolve) => {
          const { hold } = HeldPort;
          const spy = jest.spyOn(HeldPort, 'hold').mockImplementation((...args) => {
            spy.mockRestore();
            resolve(undefined);
            return hold.apply(HeldPort, args as never);
          });
        });
        await Promise.all([holder.die(), taken]);
      },
    ],
    [
      'when it has taken the port',
      async (lease, holder) => {
        lease.open(door);
        await redirected();
        await holder.die();
        await eventually('it has the port', async () => !(await canBind(port)));
      },
    ],
  ])('%s', async (_, step) => {
    const holder = await Holder.start();
    const appointed = await appoint();
    const lease = await accept(appointed);
    await step(lease, holder);
    await Promise.all([lease.release(), lease.release()]);
    await appointed.line.closed;
    await holder.die();
    expect(await canBind(port)).toBe(true);
    const own = await HeldPort.own(meeting, ({ isEmpty }) => isEmpty);
    expect(own).toBe(true);
  });

  /**
   * The holder dies and something else has the port then: the lease is on the way to that program.
   * @param begun resolves when the lease is on the way; default: when it is connected
   */
  async function onTheWay(
    onSocket: (socket: net.Socket) => void,
    as: Meeting = meeting,
    begun?: Promise<unknown>,
  ): Promise<AppointedLease> {
    const holder = await Holder.start();
    const lease = await leadElsewhere(1, as);
    const hold = jest.spyOn(HeldPort, 'hold').mockResolvedValue(undefined);
    const sockets = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      onSocket(socket);
    });
    await holder.die();
    const accepted = new Promise((resolve) => server.once('connection', resolve));
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await (begun ?? accepted);
    closeLater.push(async () => {
      hold.mockRestore();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    });
    return lease;
  }

  const closeLater: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closeLater.splice(0)) await close();
  });

  test('while something that says nothing has the port', async () => {
    const lease = await onTheWay((socket) => void socket.resume());
    await lease.release();
  });

  test('while a process of cluster-client 3.x has the port, which answers only pings', async () => {
    let onAsked!: () => void;
    const asked = new Promise<void>((resolve) => (onAsked = resolve));
    const lease = await onTheWay((socket) => {
      socket.once('data', () => {
        socket.once('data', (chunk: Buffer) => {
          const { id } = v1Codec.decode(chunk) as { id: number };
          socket.write(v1Codec.encode({ type: 'pong', id, timeoutMs: 1 }));
          onAsked();
        });
      });
    });
    await asked;
    await lease.release();
  });

  test('while its secret is read', async () => {
    let onAsked!: () => void;
    const asked = new Promise<void>((resolve) => (onAsked = resolve));
    let read!: (secret: Buffer) => void;
    const secret = new Promise<Buffer>((resolve) => (read = resolve));
    const credentials = {
      ...credentialsOf(SECRET),
      secret: () => {
        onAsked();
        return secret;
      },
    };
    const lease = await onTheWay((socket) => void socket.resume(), meetingAt(port, { credentials }), asked);
    const released = lease.release();
    read(SECRET);
    await released;
  });

  test('while it tries again and again', async () => {
    const lease = await onTheWay((socket) => void socket.destroy());
    for (let i = 0; i < 20; i++) await new Promise(setImmediate);
    await lease.release();
  });
});
