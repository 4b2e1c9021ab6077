// The golden bytes of protocol/vectors, as messages and buffers, and the ways in which a stream can be cut.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FrameReader, MAX_FRAME_BYTES } from '../../protocol/frame';
import type { Message, V2Message } from '../../protocol/message';
import { v1Codec, v1Framing } from '../../protocol/v1';
import { V2_MAX_FRAME_BYTES, v2Codec, v2Framing } from '../../protocol/v2';

export interface GoodVector {
  readonly name: string;
  readonly from: 'cluster-client' | 'trunkline';
  readonly bytes: Buffer;
  readonly message: Message;
}

export interface MalformedVector {
  readonly name: string;
  readonly bytes: Buffer;
  /** Part of the message of the ProtocolError. */
  readonly error: string;
}

interface Hex {
  readonly hex: string;
}

interface VectorFile {
  readonly good: { name: string; from: GoodVector['from']; hex: string; message: Record<string, unknown> }[];
  readonly malformed: { name: string; hex: string; error: string }[];
}

export function readVectors(): { good: GoodVector[]; malformed: MalformedVector[] } {
  const file = JSON.parse(readFileSync(join(__dirname, '../../protocol/vectors/v1.json'), 'utf8')) as VectorFile;
  return {
    good: file.good.map(({ name, from, hex, message }) => ({ name, from, bytes: bytesOf({ hex }), message: toMessage(message) })),
    malformed: file.malformed.map(({ name, hex, error }) => ({ name, bytes: bytesOf({ hex }), error })),
  };
}

export interface V2Vector {
  readonly name: string;
  readonly bytes: Buffer;
  readonly message: V2Message;
}

export interface ValueVector {
  readonly name: string;
  readonly bytes: Buffer;
  /** The expression that the value is. */
  readonly source: string;
}

export interface ProofVector {
  readonly name: string;
  readonly role: 'listener' | 'dialer';
  readonly port: number;
  readonly secret: Buffer;
  readonly dialerNonce: Buffer;
  readonly listenerNonce: Buffer;
  readonly proof: Buffer;
}

type ProofBytes = 'secret' | 'dialerNonce' | 'listenerNonce' | 'proof';

interface V2VectorFile {
  readonly good: { name: string; hex: string; message: Record<string, unknown> }[];
  readonly malformed: { name: string; hex: string; error: string }[];
  readonly values: { name: string; hex: string; source: string }[];
  readonly malformedValues: { name: string; hex: string; error: string }[];
  readonly jsonValues: { name: string; hex: string; source: string }[];
  readonly malformedJsonValues: { name: string; hex: string; error: string }[];
  readonly proofs: (Omit<ProofVector, ProofBytes> & Readonly<Record<ProofBytes, Hex>>)[];
}

export function readV2Vectors(): {
  good: V2Vector[];
  malformed: MalformedVector[];
  values: ValueVector[];
  malformedValues: MalformedVector[];
  jsonValues: ValueVector[];
  malformedJsonValues: MalformedVector[];
  proofs: ProofVector[];
} {
  const file = JSON.parse(readFileSync(join(__dirname, '../../protocol/vectors/v2.json'), 'utf8')) as V2VectorFile;
  const refused = ({ name, hex, error }: VectorFile['malformed'][number]): MalformedVector => ({
    name,
    bytes: bytesOf({ hex }),
    error,
  });
  const valueOf = ({ name, hex, source }: V2VectorFile['values'][number]): ValueVector => ({
    name,
    bytes: bytesOf({ hex }),
    source,
  });
  return {
    good: file.good.map(({ name, hex, message }) => ({
      name,
      bytes: bytesOf({ hex }),
      message: toMessage(message) as V2Message,
    })),
    malformed: file.malformed.map(refused),
    values: file.values.map(valueOf),
    malformedValues: file.malformedValues.map(refused),
    jsonValues: file.jsonValues.map(valueOf),
    malformedJsonValues: file.malformedJsonValues.map(refused),
    proofs: file.proofs.map(({ name, role, port, secret, dialerNonce, listenerNonce, proof }) => ({
      name,
      role,
      port,
      secret: bytesOf(secret),
      dialerNonce: bytesOf(dialerNonce),
      listenerNonce: bytesOf(listenerNonce),
      proof: bytesOf(proof),
    })),
  };
}

/** Only these fields hold bytes; a registration is a value of the user and may look like anything. */
function toMessage({ payload, part, parts, proof, args, values, hello, ...rest }: Record<string, unknown>): Message {
  return {
    ...rest,
    ...(hello !== undefined && { hello: toHello(hello as Record<string, unknown>) }),
    ...(part !== undefined && { part: bytesOf(part as Hex) }),
    ...(parts !== undefined && { parts: bytesOf(parts as Hex) }),
    ...(proof !== undefined && { proof: bytesOf(proof as Hex) }),
    ...(payload !== undefined && { payload: bytesOf(payload as Hex) }),
    ...(args !== undefined && { args: (args as Hex[]).map(bytesOf) }),
    ...(values !== undefined && { values: (values as Hex[]).map(bytesOf) }),
  } as Message;
}

function toHello({ nonce, proof, ...rest }: Record<string, unknown>): object {
  return {
    ...rest,
    ...(nonce !== undefined && { nonce: bytesOf(nonce as Hex) }),
    ...(proof !== undefined && { proof: bytesOf(proof as Hex) }),
  };
}

function bytesOf({ hex }: Hex): Buffer {
  return Buffer.from(hex, 'hex');
}

/** What a connection does with received bytes, chunk by chunk. */
export function readMessages(chunks: readonly Buffer[], maxFrameBytes = MAX_FRAME_BYTES): Message[] {
  const reader = new FrameReader(v1Framing, maxFrameBytes);
  const messages: Message[] = [];
  for (const chunk of chunks) reader.push(chunk, (frame) => void messages.push(v1Codec.decode(frame)));
  return messages;
}

/** Like `readMessages`, for version 2. */
export function readV2Messages(chunks: readonly Buffer[], maxFrameBytes = V2_MAX_FRAME_BYTES): V2Message[] {
  const reader = new FrameReader(v2Framing, maxFrameBytes);
  const messages: V2Message[] = [];
  for (const chunk of chunks) reader.push(chunk, (frame) => void messages.push(v2Codec.decode(frame)));
  return messages;
}

/** The bytes in pieces of the same length (the last piece may be shorter). */
export function piecesOf(bytes: Buffer, pieceBytes: number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) pieces.push(bytes.subarray(offset, offset + pieceBytes));
  return pieces;
}
