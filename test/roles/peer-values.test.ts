// How values go to and from peers: as they are between our own, in their way to old ones.

import { helloOf } from '../../protocol/handshake';
import { serializeJsonTranscode, structuredTranscode, ValueCodec, type Transcode } from '../../protocol/value-codec';
import { PeerValues } from '../../src/roles/peer-values';
import type { ChannelSpec } from '../../src/roles/role';

const mine: Transcode = {
  encode: (value) => `!${JSON.stringify(value)}`,
  decode: (bytes) => JSON.parse(bytes.toString().slice(1)),
};
const specOf = (transcode?: Transcode) =>
  ({
    values: new ValueCodec(transcode ?? structuredTranscode),
    legacyValues: new ValueCodec(transcode ?? serializeJsonTranscode),
  }) as unknown as ChannelSpec;
const structured = helloOf(['structured']);

test('between our own a payload is passed on as it is', () => {
  const spec = specOf();
  const values = PeerValues.between(spec, structured, structured)!;
  const payload = spec.values.encode(new Map([[1, 2n]]));
  expect(values.toPeer(payload)).toBe(payload);
  expect(values.fromPeer(payload)).toEqual(payload);
  expect(values.fromPeer(payload)).not.toBe(payload); // the bytes of a socket are not kept
});

test.each([
  ['an old peer', undefined],
  ['one of ours that speaks version 1 only', { versions: [1] }],
])('for %s it is written anew, once for all of them, and read from its form', (_, hello) => {
  const spec = specOf();
  const [one, another] = [PeerValues.between(spec, hello, structured)!, PeerValues.between(spec, hello, structured)!];
  const payload = spec.values.encode({ a: [1] });
  const bytes = one.toPeer(payload);
  expect(serializeJsonTranscode.decode(bytes)).toEqual({ a: [1] });
  expect(another.toPeer(payload)).toBe(bytes);
  expect(spec.values.decode(one.fromPeer(bytes))).toEqual({ a: [1] });
  expect(one.decode(one.encode('x'))).toBe('x');
});

test('a transcode of the user is used with everybody', () => {
  const spec = specOf(mine);
  const hello = helloOf(['custom']);
  for (const peer of [hello, undefined]) {
    const values = PeerValues.between(spec, peer, peer && hello)!;
    const payload = spec.values.encode(1);
    expect(values.toPeer(payload)).toBe(payload);
    expect(payload.toString()).toBe('!1');
  }
});

test('two of ours with different transcodes have no way', () => {
  expect(PeerValues.between(specOf(mine), helloOf(['custom']), structured)).toBeUndefined();
});
