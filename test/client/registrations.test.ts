// What the user asks for while the upstream client is being asked: its events reach the user in the middle of it.

import cluster from '../../src';
import { eventually } from '../support/eventually';
import { FakeUpstream, type UpstreamListener } from '../support/fake-upstream';
import { recordingLogger } from '../support/recording-logger';

/** Says at once that it was asked. */
class Talkative extends FakeUpstream {
  static last: Talkative;

  constructor() {
    super();
    Talkative.last = this;
  }

  override subscribe(registration: unknown, listener: UpstreamListener): void {
    super.subscribe(registration, listener);
    this.emit('asked', registration);
  }
}

let client: ReturnType<typeof create>;
const seen: unknown[] = [];
const see = (value: unknown): void => void seen.push(value);

const create = () => cluster(Talkative, { singleMode: true, name: 'talkative', logger: recordingLogger() }).create();

beforeEach(() => {
  seen.length = 0;
});

afterEach(() => client.close());

/** Pushes values in this order, and waits for the last one. */
async function pushed(...values: [registration: string, value: unknown][]): Promise<void> {
  client.subscribe('end', see);
  for (const [registration, value] of values) Talkative.last.push(registration, value);
  Talkative.last.push('end', 'end');
  await eventually('the last value', () => seen.includes('end'));
}

it('a listener that is taken back while it is being subscribed gets nothing', async () => {
  client = create();
  await client.ready();
  client.on('asked', (registration) => {
    if (registration === 'a') client.unSubscribe('a');
  });
  client.subscribe('a', see);
  await pushed(['a', 1]);
  expect(seen).toEqual(['end']);
  await eventually('told upstream', () => Talkative.last.unsubscribed.includes('a'));
});

it('a listener that is added while others are repeated to a new role gets each value once, and can be taken back', async () => {
  client = create();
  client.subscribe('a', () => undefined);
  client.on('asked', (registration) => {
    if (registration === 'a') client.subscribe('b', see);
  });
  await client.ready();
  await pushed(['b', 1]);
  expect(seen).toEqual([1, 'end']);
  client.unSubscribe('b');
  await eventually('told upstream', () => Talkative.last.unsubscribed.includes('b'));
});

it('a listener that is taken back while others are repeated to a new role is not repeated', async () => {
  client = create();
  client.subscribe('a', () => undefined);
  client.subscribe('a', see);
  client.on('asked', () => client.unSubscribe('a', see));
  await client.ready();
  await pushed(['a', 1]);
  expect(seen).toEqual(['end']);
});

it('a client that is closed while it subscribes leaves nothing open upstream', async () => {
  client = create();
  const other = create(); // the upstream client lives on for it
  await client.ready();
  client.on('asked', () => void client.close());
  client.subscribe('a', see);
  await eventually('told upstream', () => Talkative.last.unsubscribed.includes('a'));
  await other.close();
});
