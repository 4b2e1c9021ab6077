// What create() warns of, once for each class.

import { runInThisContext } from 'node:vm';
import cluster from '../../src';
import type { UpstreamClass } from '../../src/client/upstream-class';
import { recordingLogger } from '../support/recording-logger';

const classes = runInThisContext(`({
  complete: class Complete { subscribe() {} unSubscribe() {} close() {} },
  destroy: class Destroyed { destroy() {} },
  disconnect: class Disconnected { disconnect() {} },
  quit: class Quitting { async quit() {} },
  end: class Ending { end() {} stop() {} },
  field: class Field { end = () => {} },
  unclosed: class Unclosed { async get() {} },
  unsubscribe: class Unsubscribed { subscribe() {} unsubscribe() {} close() {} },
  never: class NeverUnsubscribed { subscribe() {} close() {} },
  other: class Other { unsubscribe() {} close() {} },
})`) as Record<string, UpstreamClass>;

/** Two letters, as a minifier leaves of a name. */
const shortNamed = (): UpstreamClass =>
  class Ab {
    close(): void {
      return undefined;
    }
  };

let serial = 0;
async function warningsOf(upstream: UpstreamClass, options: object = {}, ...delegates: [string, string][]): Promise<string[]> {
  const logger = recordingLogger();
  const builder = cluster(upstream, { singleMode: true, name: `advice-${++serial}`, logger, ...options });
  for (const [name, to] of delegates) builder.delegate(name as never, to as 'invoke');
  const client = builder.create();
  await cluster.close(client);
  return logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
}

it.each([
  ['complete', undefined],
  ['never', undefined],
  ['other', undefined],
  ['destroy', ".delegate('destroy', 'close')"],
  ['disconnect', ".delegate('disconnect', 'close')"],
  ['quit', ".delegate('quit', 'close')"],
  ['end', ".delegate('end', 'close')"],
  ['field', ".delegate('end', 'close')"],
  ['unclosed', 'has no method for closing'],
  ['unsubscribe', ".delegate('unsubscribe', 'unSubscribe')"],
])('a class of the kind %s: %p', async (kind, advice) => {
  const warnings = await warningsOf(classes[kind]!);
  expect(warnings).toEqual(advice === undefined ? [] : [expect.stringContaining(advice)]);
  await expect(warningsOf(classes[kind]!)).resolves.toEqual([]);
});

it('what is delegated is not warned of', async () => {
  class Named {
    subscribe(): void {
      return undefined;
    }
    unsubscribe(): void {
      return undefined;
    }
    quit(): void {
      return undefined;
    }
  }
  await expect(warningsOf(Named, {}, ['unsubscribe', 'unSubscribe'], ['quit', 'close'])).resolves.toEqual([]);
});

it('a class whose name is lost warns unless the channel has a name', async () => {
  const advice = [expect.stringContaining('set the option name')];
  await expect(warningsOf(shortNamed(), { name: undefined })).resolves.toEqual(advice);
  await expect(warningsOf(shortNamed(), { name: 'prices' })).resolves.toEqual([]);
  const nameless = (() => class {
      close(): void {
        return undefined;
      }
    })(); // prettier-ignore
  await expect(warningsOf(nameless, { name: undefined })).resolves.toEqual(advice);
});
