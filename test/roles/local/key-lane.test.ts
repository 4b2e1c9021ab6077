// The verbs of a key, in the order in which an upstream client gets the verbs.

import { KeyLane, VERB_MS, type LaneVerb } from '../../../src/roles/local/key-lane';
import { ManualClock } from '../../../src/testing/manual-clock';

interface Wish {
  readonly name: string;
}

/** A verb that was asked for and has not ended. */
interface Open {
  done(): Promise<void>;
  refuse(): Promise<void>;
}

/** Promise reactions run. */
const settled = async (): Promise<void> => {
  for (let i = 0; i < 10; i++) await Promise.resolve();
};

function setup({ endsFirst = true, isSlow = true } = {}) {
  const clock = new ManualClock();
  const log: string[] = [];
  const open: Open[] = [];
  let isRefusing = false;
  const slow = (): Promise<void> => {
    let resolve!: () => void;
    let reject!: (error: Error) => void;
    const promise = new Promise<void>((onDone, onRefused) => {
      resolve = onDone;
      reject = onRefused;
    });
    open.push({
      done: () => (resolve(), settled()),
      refuse: () => (reject(new Error('refused')), settled()),
    });
    return promise;
  };
  const lane = new KeyLane<Wish>('key', {
    clock,
    endsFirst,
    ask: (verb, { name }) => {
      log.push(`${verb} ${name}`);
      if (isRefusing) return Promise.reject(new Error('refused'));
      return isSlow ? slow() : undefined;
    },
    refused: (verb: LaneVerb, _key, error, retryMs) => {
      log.push(`refused ${verb} ${retryMs === undefined ? 'for good' : 'for now'}`);
      return error as Error;
    },
    overtaken: (verb) => log.push(`overtaken ${verb}`),
    idle: () => log.push('idle'),
  });
  const call = (name: string) => (): Promise<unknown> => {
    log.push(`call ${name}`);
    return slow();
  };
  const refusing = (is: boolean): void => {
    isRefusing = is;
  };
  return { clock, lane, log, open, call, refusing, a: { name: 'a' }, b: { name: 'b' }, c: { name: 'c' } };
}

it('a verb that gives no promise is done: the next one follows in the same moment', () => {
  const { lane, log, a, clock } = setup({ isSlow: false });
  lane.want(a);
  lane.want(undefined);
  lane.want(a);
  expect(log).toEqual(['begin a', 'end a', 'idle', 'begin a']);
  expect(clock.pending).toBe(0);
});

it('what is wanted again while it is being ended is begun after that', async () => {
  const { lane, log, open, a, b } = setup();
  lane.want(a);
  await open[0]!.done();
  lane.want(undefined);
  lane.want(b);
  await settled();
  expect(log).toEqual(['begin a', 'end a']);
  await open[1]!.done();
  expect(log).toEqual(['begin a', 'end a', 'begin b']);
  await open[2]!.done();
  expect(lane.isInForce(b)).toBe(true);
});

it('what is not wanted any more while it is being begun is ended after that', async () => {
  const { lane, log, open, a } = setup();
  lane.want(a);
  lane.want(undefined);
  expect(lane.isInForce(a)).toBe(false);
  await open[0]!.done();
  await open[1]!.done();
  expect(log).toEqual(['begin a', 'end a', 'idle']);
});

it('of many wishes that come while a verb is under way the last one counts', async () => {
  const { lane, log, open, a, b, c } = setup();
  lane.want(a);
  lane.want(undefined);
  lane.want(b);
  lane.want(undefined);
  lane.want(c);
  for (let i = 0; i < 3; i++) await open[i]!.done();
  expect(log).toEqual(['begin a', 'end a', 'begin c']);
});

it('a wish that takes the place of another needs no end before it', async () => {
  const { lane, log, open, a, b, c } = setup({ endsFirst: false });
  lane.want(a);
  lane.want(b);
  lane.want(c);
  await open[0]!.done();
  await open[1]!.done();
  lane.want(undefined);
  await open[2]!.done();
  expect(log).toEqual(['begin a', 'begin c', 'end c', 'idle']);
});

it('what is asked while a verb is being called waits for it', () => {
  const clock = new ManualClock();
  const log: string[] = [];
  const [a, b] = [{ name: 'a' }, { name: 'b' }];
  const lane: KeyLane<Wish> = new KeyLane<Wish>('key', {
    clock,
    endsFirst: true,
    ask: (verb, { name }) => {
      log.push(`${verb} ${name}`);
      if (log.length === 1) lane.want(b);
      log.push(`done ${name}`);
      return undefined;
    },
    refused: (_verb, _key, error) => error as Error,
    overtaken: () => undefined,
    idle: () => undefined,
  });
  lane.want(a);
  expect(log).toEqual(['begin a', 'done a', 'end a', 'done a', 'begin b', 'done b']);
});

describe('a verb that does not end', () => {
  it('holds up the next one for so long and no longer, and that is said', async () => {
    const { lane, log, a, b, clock } = setup();
    lane.want(a);
    clock.advance(VERB_MS * 3);
    expect(clock.pending).toBe(0); // no timer waits for the verb
    lane.want(undefined);
    clock.advance(0);
    expect(log).toEqual(['begin a', 'overtaken begin', 'end a']);
    clock.advance(VERB_MS - 1);
    lane.want(b);
    await settled();
    expect(log).toHaveLength(3);
    clock.advance(1);
    expect(log.slice(3)).toEqual(['overtaken end', 'begin b']);
  });

  it('that was overtaken means nothing when it ends after all', async () => {
    const { lane, log, open, a, b, clock } = setup();
    lane.want(a);
    lane.want(b);
    clock.advance(VERB_MS);
    await open[0]!.refuse();
    await open[1]!.done();
    expect(log).toEqual(['begin a', 'overtaken begin', 'end a', 'begin b']);
    expect(lane.isInForce(b)).toBe(true);
  });
});

describe('a verb that is refused', () => {
  it('is tried again at growing intervals while it is wanted, and known as a setback until it succeeds', async () => {
    const { lane, log, a, clock, refusing } = setup({ isSlow: false });
    refusing(true);
    lane.want(a);
    await settled();
    expect(lane.setback).toMatchObject({ message: 'refused' });
    for (let i = 0; i < 20; i++) {
      clock.advance(30_000);
      await settled();
    }
    expect(log.filter((each) => each === 'begin a')).toHaveLength(21);
    expect(log.filter((each) => each === 'refused begin for now')).toHaveLength(21);
    refusing(false);
    clock.advance(30_000);
    expect(lane.setback).toBeUndefined();
    expect(lane.isInForce(a)).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('is tried again after half a second to a second at first', async () => {
    const { lane, log, a, clock, refusing } = setup({ isSlow: false });
    refusing(true);
    lane.want(a);
    await settled();
    clock.advance(499);
    expect(log.filter((each) => each === 'begin a')).toHaveLength(1);
    clock.advance(501);
    expect(log.filter((each) => each === 'begin a')).toHaveLength(2);
  });

  it('is not tried again when it is not wanted any more, and leaves no timer', async () => {
    const { lane, log, a, clock, refusing } = setup({ isSlow: false });
    refusing(true);
    lane.want(a);
    await settled();
    refusing(false);
    lane.want(undefined);
    expect(log).toEqual(['begin a', 'refused begin for now', 'end a', 'idle']);
    expect(clock.pending).toBe(0);
  });

  it('is not spoken of when another wish has taken its place', async () => {
    const { lane, log, open, a, b } = setup();
    lane.want(a);
    lane.want(b);
    await open[0]!.refuse();
    await open[1]!.done();
    await open[2]!.done();
    expect(log).toEqual(['begin a', 'end a', 'begin b']);
  });

  it('when it was to end something, is tried again a few times and then given up', async () => {
    const { lane, log, a, clock, refusing } = setup({ isSlow: false });
    lane.want(a);
    refusing(true);
    lane.want(undefined);
    for (let i = 0; i < 10; i++) {
      await settled();
      clock.advance(30_000);
    }
    expect(log.filter((each) => each === 'end a')).toHaveLength(5);
    expect(log.slice(-2)).toEqual(['refused end for good', 'idle']);
    expect(clock.pending).toBe(0);
  });

  it('when it was to end something, does not come after a new wish', async () => {
    const { lane, log, a, b, clock, refusing } = setup({ isSlow: false });
    lane.want(a);
    refusing(true);
    lane.want(undefined);
    await settled();
    refusing(false);
    lane.want(b);
    clock.advance(60_000);
    expect(log).toEqual(['begin a', 'end a', 'refused end for now', 'begin b']);
  });
});

describe('a call of the user', () => {
  it('comes after what was wanted before it, and before what is wanted after it', async () => {
    const { lane, log, open, call, a, b } = setup({ endsFirst: false });
    lane.want(a);
    lane.call(call('unPublish'), false);
    lane.want(b);
    for (let i = 0; i < 3; i++) await open[i]!.done();
    expect(log).toEqual(['begin a', 'call unPublish', 'begin b']);
  });

  it('is never left out, and what it was to end is begun before it', async () => {
    const { lane, log, open, call, a, b } = setup({ endsFirst: false });
    lane.call(call('first'), false);
    lane.want(a);
    lane.call(call('second'), false);
    lane.call(call('third'), false);
    lane.want(b);
    for (let i = 0; i < 5; i++) await open[i]!.done();
    expect(log).toEqual(['call first', 'begin a', 'call second', 'call third', 'begin b']);
  });

  it('that ends what somebody else wants still is followed by a new beginning', async () => {
    const { lane, log, open, call, a } = setup({ endsFirst: false });
    lane.want(a);
    await open[0]!.done();
    lane.call(call('unPublish'), true);
    await open[1]!.done();
    await open[2]!.done();
    expect(log).toEqual(['begin a', 'call unPublish', 'begin a']);
    expect(lane.isInForce(a)).toBe(true);
  });

  it('that fails is the matter of its caller', async () => {
    const { lane, log, open, call, a } = setup({ endsFirst: false });
    lane.call(call('unPublish'), false);
    lane.want(a);
    await open[0]!.refuse();
    expect(log).toEqual(['call unPublish', 'begin a']);
  });

  it('ends the tries of what it takes back', async () => {
    const { lane, log, open, call, a, clock, refusing } = setup({ endsFirst: false });
    refusing(true);
    lane.want(a);
    await settled();
    lane.call(call('unPublish'), false);
    await open[0]!.done();
    clock.advance(60_000);
    expect(log).toEqual(['begin a', 'refused begin for now', 'call unPublish', 'idle']);
  });
});

it('when the upstream client is gone nothing is tried again, calls that wait are run to hear it, and outcomes mean nothing', async () => {
  const { lane, log, open, call, a, clock } = setup();
  lane.want(a);
  lane.call(call('unPublish'), false);
  lane.forget();
  expect(log).toEqual(['begin a', 'call unPublish']);
  expect(lane.isInForce(a)).toBe(false);
  await open[0]!.refuse();
  clock.advance(60_000);
  expect(log).toEqual(['begin a', 'call unPublish']);
  expect(clock.pending).toBe(0);
});
