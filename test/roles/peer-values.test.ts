// How values go to and from peers: unchanged between processes of trunkline, translated for legacy peers.

import { decodeStructured } from '../../protocol/structured-decoder';
import { jsonOrStructuredTranscode, serializeJsonTranscode, ValueCodec, type Transcode } from '../../protocol/value-codec';
import { PeerValues } from '../../src/roles/peer-values';
import type { ChannelSpec } from '../../src/roles/role';

const mine: Transcode = {
  encode: (value) => `!${JSON.stringify(value)}`,
  decode: (bytes) => JSON.parse(bytes.toString().slice(1)),
};
const specOf = (transcode?: Transcode) =>
  ({
    values: new ValueCodec(transcode ?? jsonOrStructuredTranscode),
    legacyValues: new ValueCodec(transcode ?? serializeJsonTranscode),
  }) as unknown as ChannelSpec;

test('between our own a payload is passed on as it is', () => {
  const spec = specOf();
  const values = PeerValues.ofOurs(spec);
  const payload = spec.values.encode(new Map([[1, 2n]]));
  expect(values.toPeer(payload)).toBe(payload);
  expect(values.fromPeer(payload)).toBe(payload);
  expect(values.kept(payload)).toEqual(payload);
  expect(values.kept(payload)).not.toBe(payload); // the bytes of a socket are not kept
  expect(values.areFaithful).toBe(true);
});

test('for a legacy peer it is written anew, once for all of them, and read from its form', () => {
  const spec = specOf();
  const [one, another] = [PeerValues.ofLegacy(spec), PeerValues.ofLegacy(spec)];
  const payload = spec.values.encode({ a: [1] });
  const bytes = one.toPeer(payload);
  expect(serializeJsonTranscode.decode(bytes)).toEqual({ a: [1] });
  expect(another.toPeer(payload)).toBe(bytes);
  const payloadHere = one.fromPeer(bytes);
  expect(spec.values.decode(payloadHere)).toEqual({ a: [1] });
  expect(one.kept(payloadHere)).toBe(payloadHere); // it is a copy already
  expect(one.decode(one.encode('x'))).toBe('x');
  expect(one.areFaithful).toBe(false);
});

test('for a process of an older version of ours it is written as a structured value, once for all of them', () => {
  const spec = specOf();
  const [one, another] = [PeerValues.ofOurs(spec, 'structured'), PeerValues.ofOurs(spec, 'structured')];
  expect(one.codec).toBe('structured');
  expect(one.areFaithful).toBe(true);
  const payload = spec.values.encode({ a: [1] });
  const bytes = one.toPeer(payload);
  expect(decodeStructured(bytes)).toEqual({ a: [1] });
  expect(another.toPeer(payload)).toBe(bytes);
  expect(spec.values.decode(one.fromPeer(one.encode({ a: [1] })))).toEqual({ a: [1] });
});

test('a transcode of the user is used with everybody', () => {
  const spec = specOf(mine);
  for (const values of [PeerValues.ofOurs(spec), PeerValues.ofLegacy(spec)]) {
    const payload = spec.values.encode(1);
    expect(values.toPeer(payload)).toBe(payload);
    expect(payload.toString()).toBe('!1');
    expect(values.areFaithful).toBe(false);
  }
});
